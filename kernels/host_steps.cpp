// SPDX-License-Identifier: Apache-2.0
#include "kernels/host_steps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "kernels/line_trials.hpp"
#include "kernels/loss_rounding.hpp"
#include "kernels/moment_steps.hpp"
#include "kernels/outer_backend.hpp"
#include "kernels/state_archive.hpp"
#include "kernels/update.hpp"
#include "steepest/error.hpp"

namespace steepest::kernels {
namespace {

class HostSteps final : public OuterBackend {
 public:
  HostSteps(std::unique_ptr<Backend> rows_held, std::int64_t rows, std::int64_t features,
            int threads)
      : OuterBackend(std::move(rows_held)), rows_(rows), features_(features), pool_(threads) {}

  // Of engine moments or line, before there is data.
  HostSteps(std::unique_ptr<Backend> rows_held, Engine engine, int threads)
      : OuterBackend(std::move(rows_held)), engine_(engine), pool_(threads) {}

  [[nodiscard]] Engine engine() const override {
    return engine_ == Engine::automatic ? OuterBackend::engine() : engine_;
  }

  void hold(TrainingData data) override {
    note(data.features.rows(), data.features.columns());
    OuterBackend::hold(std::move(data));
  }
  void hold(StreamedData data) override {
    note(data.rows->rows(), data.rows->feature_count());
    OuterBackend::hold(std::move(data));
  }

  void start(BankPlan plan) override {
    require_all_rows(plan);
    if (engine_ == Engine::moments) {
      require_moments_serve(plan);
    }
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
    if (engine_ == Engine::line && !searches_lines(bank_)) {
      refuse(
          "is for schedules that search for their rate along a line, armijo and barzilai_borwein: "
          "use --engine products");
    }
    steps_on_moments_ = engine_ == Engine::moments && plan.allow_normal_equations;
    if (steps_on_moments_) {
      if (!takes_moments(bank_)) {
        throw OptionError(
            "--engine moments knows the loss and its gradient alone: leave out rule lbfgs and "
            "schedules that find their rate, or use --engine products");
      }
      if (!equations_) {
        equations_.emplace(inner().moments(), rows_, features_, plan.outputs);
      }
      equations_->start(shape);
    }
    stand_at(0);
    if (engine_ == Engine::line) {  // so that what a line takes is there, or missed, from the start
      const std::vector<double> here = parameters(0);
      static_cast<void>(inner().evaluate_on_line(here, here, 0.0));
    }
  }

  [[nodiscard]] bool uses_normal_equations() const override { return steps_on_moments_; }

  void run(std::int64_t steps, std::vector<std::vector<StepRecord>>& history) override {
    for (std::int64_t s = 0; s < steps && any_running(); ++s) {
      const std::vector<ModelState> before = bank_.states;
      if (steps_on_moments_) {
        moment_steps_.step(
            before, rows_, [this](const std::vector<std::int64_t>& models) { pass(models, false); },
            pool_, *equations_, bank_, partials_);
      } else {
        step_on_rows();
      }
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
    if (steps_on_moments_) {
      equations_->exchange(archive);
    }
    inner_is_there_ = false;
  }

  void evaluate() override {
    std::vector<std::int64_t> all(bank_.states.size());
    std::iota(all.begin(), all.end(), 0);
    pass(all, true);
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

  void note(std::int64_t rows, std::int64_t features) {
    rows_ = rows;
    features_ = features;
    equations_.reset();
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw OptionError(fmt::format("--engine {} {}", name(engine_), why));
  }

  void require_all_rows(const BankPlan& plan) const {
    if (engine_ == Engine::automatic) {
      return;
    }
    if (plan.batch_size > 0 && plan.batch_size < rows_) {
      refuse("takes all rows a step: use --batch-size full, or --engine products");
    }
    if (!plan.masks.empty()) {
      refuse("has no paths and folds, which are trained on the CPU only: use --device cpu");
    }
  }

  void require_moments_serve(const BankPlan& plan) const {
    if (!std::holds_alternative<SquaredLoss>(plan.loss)) {
      refuse("is for squared loss, which second moments hold all of: use --engine products");
    }
    const std::int64_t columns = features_ + 1 + plan.outputs;
    if (columns > most_moment_columns) {
      refuse(
          fmt::format("takes up to {} columns, features, intercept and targets together, and "
                      "here are {}: use --engine products",
                      most_moment_columns, columns));
    }
  }

  // A step of every model that runs. Trials that lines take back are those models' steps.
  void step_on_rows() {
    std::vector<std::int64_t> left = running();
    std::vector<std::int64_t> back;
    if (engine_ == Engine::line) {
      const auto first_back = std::stable_partition(
          left.begin(), left.end(), [this](std::int64_t model) { return !goes_back(model); });
      back.assign(first_back, left.end());
      left.erase(first_back, left.end());
    }
    if (left.empty()) {
      return;
    }
    pass(left, false);
    std::vector<Reason> reasons(back.size());  // of those that sit the update out
    for (std::size_t i = 0; i < back.size(); ++i) {
      reasons[i] = std::exchange(state_of(back[i]).reason, Reason::interrupted);
    }
    update(partials_, rows_, UpdateMode::judged_step, pool_, bank_);
    for (std::size_t i = 0; i < back.size(); ++i) {
      state_of(back[i]).reason = reasons[i];
    }
  }

  [[nodiscard]] ModelState& state_of(std::int64_t model) {
    return bank_.states[static_cast<std::size_t>(model)];
  }

  [[nodiscard]] bool goes_back(std::int64_t model) {
    if (!state_of(model).schedule.trying) {
      return false;
    }
    const TrialLine line = trial_line_of(bank_, model);
    const LineValue value = inner().evaluate_on_line(line.point, line.direction, line.length);
    return take_back_trial(value, model, pool_, bank_);
  }

  [[nodiscard]] std::vector<std::int64_t> running() const {
    std::vector<std::int64_t> models;
    for (std::size_t k = 0; k < bank_.states.size(); ++k) {
      if (bank_.states[k].reason == Reason::running) {
        models.push_back(static_cast<std::int64_t>(k));
      }
    }
    return models;
  }

  // Sums over all rows, at the points that models report or at those they take their gradients at.
  void pass(const std::vector<std::int64_t>& models, bool reported) {
    const std::int64_t each = bank_.shape.elements_per_model();
    partials_.partitions = 1;
    partials_.gradient.assign(static_cast<std::size_t>(bank_.shape.elements()), 0.0);
    partials_.loss.assign(bank_.states.size(), 0.0);
    const auto rows = static_cast<double>(rows_);
    for (const std::int64_t k : models) {
      const auto model = static_cast<std::size_t>(k);
      const double* const at = reported ? bank_.reported_of(k) : bank_.parameters_of(k);
      const LossAndGradient found = inner().evaluate_at({at, at + each});
      partials_.loss[model] = found.mean_loss * rows;
      std::transform(found.gradient.begin(), found.gradient.end(),
                     partials_.gradient.begin() + k * each, [&](double g) { return g * rows; });
    }
  }

  Engine engine_ = Engine::automatic;  // or moments, or line
  std::int64_t rows_ = 0;
  std::int64_t features_ = 0;
  ThreadPool pool_;
  BankPlan looking_;  // of the bank inside
  bool inner_is_there_ = false;
  BankState bank_;
  Partials partials_;
  std::optional<NormalEquations> equations_;  // of the data held, once asked for
  bool steps_on_moments_ = false;
  MomentSteps moment_steps_;
};

}  // namespace

std::unique_ptr<Backend> make_host_steps_backend(std::unique_ptr<Backend> rows_held,
                                                 std::int64_t rows, std::int64_t features,
                                                 int threads) {
  return std::make_unique<HostSteps>(std::move(rows_held), rows, features, threads);
}

std::unique_ptr<Backend> make_moments_backend(std::unique_ptr<Backend> rows_held, int threads) {
  return std::make_unique<HostSteps>(std::move(rows_held), Engine::moments, threads);
}

std::unique_ptr<Backend> make_line_backend(std::unique_ptr<Backend> rows_held, int threads) {
  return std::make_unique<HostSteps>(std::move(rows_held), Engine::line, threads);
}

}  // namespace steepest::kernels
