// SPDX-License-Identifier: Apache-2.0
#include "src/train/newton_backend.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "kernels/loss_rounding.hpp"
#include "kernels/outer_backend.hpp"
#include "kernels/state_archive.hpp"
#include "src/train/hessian.hpp"

namespace steepest::train {
namespace {

using kernels::Backend;
using kernels::BankPlan;
using kernels::LossAndGradient;
using kernels::ModelState;
using kernels::StepRecord;

// What a Hessian's own rounding is below, of its largest diagonal element.
double ridge_of(Precision precision) { return precision == Precision::fp64 ? 1e-13 : 1e-8; }

// A point, and the objective there.
struct Point {
  std::vector<double> parameters;
  std::vector<double> gradient;  // of the objective, 0 for an absent intercept
  Evaluation at;
};

class NewtonBackend final : public kernels::OuterBackend {
 public:
  NewtonBackend(std::unique_ptr<Backend> inner, std::shared_ptr<const RowSource> data,
                std::int64_t features, const RowWeights& weights, Scaling scaling, int threads)
      : OuterBackend(std::move(inner)),
        data_(std::move(data)),
        features_(features),
        weights_(weights),
        scaling_(std::move(scaling)),
        pool_(threads) {}

  void start(BankPlan plan) override {
    plan_ = std::move(plan);
    model_ = plan_.models.front();
    plan_.models.front().rule = UpdateRule{};  // the inner bank only looks
    plan_.allow_normal_equations = false;
    plan_.preconditioner.clear();
    const auto elements = static_cast<std::size_t>(plan_.outputs * (features_ + 1));
    point_ = {};
    point_.parameters = plan_.initial;
    point_.parameters.resize(elements, 0.0);
    is_evaluated_ = false;
    state_ = {};
    state_.step = plan_.first_step;
    damping_ = ridge_of(precision());
    inner_is_there_ = false;
    move_inner();
  }

  void run(std::int64_t steps, std::vector<std::vector<StepRecord>>& history) override {
    history.resize(1);
    for (std::int64_t i = 0; i < steps && state_.reason == Reason::running; ++i) {
      look();
      const Reason verdict = judge(model_.tolerances, point_.at, state_.stopping);
      state_.at = point_.at;
      const std::int64_t step = state_.step;
      if (verdict != Reason::running) {
        state_.reason = verdict;
      } else {
        take_step();
      }
      history.front().push_back({step, state_.learning_rate, point_before_});
    }
  }

  void exchange_state(kernels::StateArchive& archive) override {
    archive.exchange(point_.parameters);
    archive.exchange(point_.at.step_max_norm);
    archive.exchange(damping_);
    kernels::exchange_state(archive, state_);
    is_evaluated_ = false;
    inner_is_there_ = false;
  }

  void evaluate() override {
    look();
    state_.at = point_.at;
  }

  void stop(std::int64_t /*model*/, Reason reason) override { state_.reason = reason; }
  [[nodiscard]] ModelState state(std::int64_t /*model*/) const override { return state_; }
  [[nodiscard]] std::vector<double> parameters(std::int64_t /*model*/) const override {
    return point_.parameters;
  }

  void scores(std::int64_t model, std::int64_t first, std::int64_t count, double* out) override {
    move_inner();
    inner().scores(model, first, count, out);
  }

 private:
  void move_inner() {
    if (!inner_is_there_ || plan_.initial != point_.parameters) {
      plan_.initial = point_.parameters;
      inner().start(plan_);
      inner_is_there_ = true;
    }
  }

  // The objective and its gradient at a point.
  [[nodiscard]] Point point_at(std::vector<double> parameters) {
    Point point;
    LossAndGradient found = inner().evaluate_at(parameters);
    point.parameters = std::move(parameters);
    point.gradient = std::move(found.gradient);
    point.at.mean_loss = found.mean_loss;
    const double l2 = model_.penalty.l2;
    double squares = 0.0;
    for (std::size_t e = 0; e < point.parameters.size(); ++e) {
      if (!is_intercept(e)) {
        squares += point.parameters[e] * point.parameters[e];
        point.gradient[e] += l2 * point.parameters[e];
      } else if (!model_.has_intercept) {
        point.gradient[e] = 0.0;
      }
    }
    point.at.penalty = 0.5 * l2 * squares;
    for (const double g : point.gradient) {
      point.at.gradient_max_norm = is_finite(g) ? std::max(point.at.gradient_max_norm, std::fabs(g))
                                                : std::numeric_limits<double>::infinity();
    }
    return point;
  }

  [[nodiscard]] bool is_intercept(std::size_t element) const {
    return element % static_cast<std::size_t>(features_ + 1) == static_cast<std::size_t>(features_);
  }

  void look() {
    if (!is_evaluated_) {
      const double step = point_.at.step_max_norm;
      point_ = point_at(std::move(point_.parameters));
      point_.at.step_max_norm = step;
      is_evaluated_ = true;
    }
    point_before_ = point_.at;
  }

  // A direction along which no length does is tried again with more damping, up to the gradient's.
  void take_step() {
    constexpr double growth = 1e3;
    const double least = ridge_of(precision());
    move_inner();
    const HessianRows rows{*data_, weights_, scaling_, data_->rows(), features_, plan_.outputs};
    const std::vector<Eigen::MatrixXd> hessians =
        mean_loss_hessian(inner(), rows, plan_.loss, pool_);
    for (double damping = damping_;; damping *= growth) {
      if (descends(newton_direction(hessians, damping))) {
        damping_ = std::max(least, damping / growth);
        return;
      }
      if (damping > 1.0) {
        state_.reason = Reason::rounding;
        return;
      }
    }
  }

  bool descends(const std::vector<double>& direction) {
    constexpr int most_halvings = 25;
    constexpr double share = 1e-4;
    double slope = 0.0;
    double longest = 0.0;
    for (std::size_t e = 0; e < direction.size(); ++e) {
      slope += direction[e] * point_.gradient[e];
      longest = std::max(longest, std::fabs(direction[e]));
    }
    const double hidden =
        8.0 * kernels::loss_rounding(precision()) * std::fabs(point_.at.objective());
    double length = 1.0;
    for (int halvings = 0; halvings < most_halvings; ++halvings, length /= 2) {
      std::vector<double> next = point_.parameters;
      for (std::size_t e = 0; e < next.size(); ++e) {
        next[e] += length * direction[e];
      }
      Point tried = point_at(std::move(next));
      const double change = tried.at.objective() - point_.at.objective();
      const bool falls = change <= share * length * slope;
      const bool flattens = std::fabs(length * slope) <= hidden && std::fabs(change) <= hidden &&
                            tried.at.gradient_max_norm < point_.at.gradient_max_norm;
      if (falls || flattens) {
        tried.at.step_max_norm = length * longest;
        point_ = std::move(tried);
        state_.learning_rate = length;
        ++state_.step;
        ++state_.rule_steps;
        return true;
      }
    }
    return false;
  }

  // -(H + r I)^-1 g, r `damping` of H's largest diagonal element at least.
  [[nodiscard]] std::vector<double> newton_direction(const std::vector<Eigen::MatrixXd>& hessians,
                                                     double damping) const {
    std::vector<double> direction(point_.parameters.size());
    std::size_t first = 0;
    for (const Eigen::MatrixXd& hessian : hessians) {
      solve(hessian, damping, first, direction);
      first += static_cast<std::size_t>(hessian.rows());
    }
    return direction;
  }

  void solve(Eigen::MatrixXd hessian, double damping, std::size_t first,
             std::vector<double>& direction) const {
    constexpr double growth = 10.0;
    const Eigen::Index size = hessian.rows();
    for (Eigen::Index e = 0; e < size; ++e) {
      if (!is_intercept(first + static_cast<std::size_t>(e))) {
        hessian(e, e) += model_.penalty.l2;
      } else if (!model_.has_intercept) {
        hessian.row(e).setZero();
        hessian.col(e).setZero();
        hessian(e, e) = 1.0;
      }
    }
    const Eigen::Map<const Eigen::VectorXd> gradient(point_.gradient.data() + first, size);
    const double largest = hessian.diagonal().maxCoeff();
    double ridge = damping * (largest > 0.0 ? largest : 1.0);
    for (double added = 0.0;; ridge *= growth) {
      hessian.diagonal().array() += ridge - added;
      added = ridge;
      const Eigen::LLT<Eigen::MatrixXd> factor(hessian);
      if (factor.info() != Eigen::Success) {
        continue;
      }
      const Eigen::VectorXd step = factor.solve(gradient);
      if (step.allFinite()) {
        Eigen::Map<Eigen::VectorXd>(direction.data() + first, size) = -step;
        return;
      }
    }
  }

  std::shared_ptr<const RowSource> data_;
  std::int64_t features_;
  RowWeights weights_;
  Scaling scaling_;
  kernels::ThreadPool pool_;
  BankPlan plan_;  // of the inner bank: one model at plan_.initial
  kernels::ModelPlan model_;
  Point point_;
  double damping_ = 0.0;       // of a Hessian's largest diagonal element
  Evaluation point_before_;    // at the point the step started from
  bool is_evaluated_ = false;  // whether point_ is more than its parameters
  bool inner_is_there_ = false;
  ModelState state_;
};

}  // namespace

std::unique_ptr<Backend> make_newton_backend(std::unique_ptr<Backend> rows_held,
                                             std::shared_ptr<const RowSource> data,
                                             std::int64_t features, const RowWeights& weights,
                                             Scaling scaling, int threads) {
  return std::make_unique<NewtonBackend>(std::move(rows_held), std::move(data), features, weights,
                                         std::move(scaling), threads);
}

}  // namespace steepest::train
