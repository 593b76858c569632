// SPDX-License-Identifier: Apache-2.0
#include "kernels/host_steps.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "kernels/loss_rounding.hpp"
#include "kernels/outer_backend.hpp"
#include "kernels/state_archive.hpp"
#include "kernels/update.hpp"

namespace steepest::kernels {
namespace {

class HostSteps final : public OuterBackend {
 public:
  HostSteps(std::unique_ptr<Backend> rows_held, std::int64_t rows, std::int64_t features,
            int threads)
      : OuterBackend(std::move(rows_held)), rows_(rows), features_(features), pool_(threads) {}

  void start(BankPlan plan) override {
    const BankShape shape{features_, plan.outputs, static_cast<std::int64_t>(plan.models.size())};
    looking_ = {};
    looking_.loss = plan.loss;
    looking_.outputs = plan.outputs;
    looking_.models.resize(1);
    looking_.models.front().has_intercept = plan.models.front().has_intercept;
    looking_.allow_normal_equations = false;
    inner_is_there_ = false;
    bank_ = BankState::at_start(shape, std::move(plan.models), plan.initial,
                                std::move(plan.preconditioner), loss_rounding(precision()));
    bank_.bounds = std::move(plan.bounds);
    bank_.simplex = std::move(plan.simplex);
    for (ModelState& state : bank_.states) {
      state.step = plan.first_step;
    }
    for (ModelPlan& model : bank_.plans) {
      model.objective_rounding = loss_rounding(precision());
    }
    stand_at(0);
  }

  void run(std::int64_t steps, std::vector<std::vector<StepRecord>>& history) override {
    for (std::int64_t s = 0; s < steps && any_running(); ++s) {
      const std::vector<ModelState> before = bank_.states;
      pass(false);
      update(partials_, rows_, UpdateMode::judged_step, pool_, bank_);
      for (std::size_t k = 0; k < before.size(); ++k) {
        if (before[k].reason == Reason::running) {
          const ModelState& now = bank_.states[k];
          history[k].push_back({before[k].step, now.learning_rate, now.at});
        }
      }
    }
  }

  void exchange_state(StateArchive& archive) override {
    kernels::exchange_state(archive, bank_);
    inner_is_there_ = false;
  }

  void evaluate() override {
    pass(true);
    update(partials_, rows_, UpdateMode::evaluate, pool_, bank_);
  }

  void stop(std::int64_t model, Reason reason) override { bank_.stop(model, reason); }

  [[nodiscard]] ModelState state(std::int64_t model) const override {
    return bank_.states[static_cast<std::size_t>(model)];
  }

  [[nodiscard]] std::vector<double> parameters(std::int64_t model) const override {
    const double* const first = bank_.reported_of(model);
    return {first, first + bank_.shape.elements_per_model()};
  }

  void scores(std::int64_t model, std::int64_t first, std::int64_t count, double* out) override {
    stand_at(model);
    inner().scores(0, first, count, out);
  }

 private:
  [[nodiscard]] bool any_running() const {
    return std::any_of(bank_.states.begin(), bank_.states.end(),
                       [](const ModelState& state) { return state.reason == Reason::running; });
  }

  // The bank inside at what a model reports.
  void stand_at(std::int64_t model) {
    std::vector<double> wanted = parameters(model);
    if (!inner_is_there_ || looking_.initial != wanted) {
      looking_.initial = std::move(wanted);
      inner().start(looking_);
      inner_is_there_ = true;
    }
  }

  // Sums over all rows, at the points that models report or at those they take their gradients at;
  // the latter of the models that run only.
  void pass(bool reported) {
    const std::int64_t each = bank_.shape.elements_per_model();
    partials_.partitions = 1;
    partials_.gradient.assign(static_cast<std::size_t>(bank_.shape.elements()), 0.0);
    partials_.loss.assign(bank_.states.size(), 0.0);
    const auto rows = static_cast<double>(rows_);
    for (std::int64_t k = 0; k < bank_.shape.models; ++k) {
      const auto model = static_cast<std::size_t>(k);
      if (!reported && bank_.states[model].reason != Reason::running) {
        continue;
      }
      const double* const at = reported ? bank_.reported_of(k) : bank_.parameters_of(k);
      const LossAndGradient found = inner().evaluate_at({at, at + each});
      partials_.loss[model] = found.mean_loss * rows;
      std::transform(found.gradient.begin(), found.gradient.end(),
                     partials_.gradient.begin() + k * each, [&](double g) { return g * rows; });
    }
  }

  std::int64_t rows_;
  std::int64_t features_;
  ThreadPool pool_;
  BankPlan looking_;  // of the bank inside
  bool inner_is_there_ = false;
  BankState bank_;
  Partials partials_;
};

}  // namespace

std::unique_ptr<Backend> make_host_steps_backend(std::unique_ptr<Backend> rows_held,
                                                 std::int64_t rows, std::int64_t features,
                                                 int threads) {
  return std::make_unique<HostSteps>(std::move(rows_held), rows, features, threads);
}

}  // namespace steepest::kernels
