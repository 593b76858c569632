// SPDX-License-Identifier: Apache-2.0
#include "src/portfolio/quadratic_bank.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "steepest/projection.hpp"
#include "steepest/update_rule.hpp"

namespace steepest {
namespace {

constexpr std::int64_t steps_between_checks = 20;

// Which weights are at a bound: -1 low, 0 free, 1 high.
std::vector<int> sides_of(const Eigen::VectorXd& weights, double low, double high) {
  std::vector<int> sides;
  for (const double weight : weights) {
    sides.push_back(weight <= low ? -1 : weight >= high ? 1 : 0);
  }
  return sides;
}

}  // namespace

// One model under way: w, the point y looked ahead at, and the clock of the accelerated rule.
struct QuadraticBank::Run {
  std::int64_t model = 0;
  Eigen::VectorXd weights;
  Eigen::VectorXd ahead;
  MomentumClock clock;
  std::vector<int> polished_sides;  // tried without success
};

QuadraticBank::QuadraticBank(Eigen::MatrixXd matrix, double low, double high, std::int64_t models)
    : matrix_(std::move(matrix)),
      linear_(Eigen::MatrixXd::Zero(matrix_.rows(), models)),
      low_(static_cast<std::size_t>(matrix_.rows()), low),
      high_(static_cast<std::size_t>(matrix_.rows()), high),
      states_(static_cast<std::size_t>(models)) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(matrix_, Eigen::EigenvaluesOnly);
  constexpr double above = 1.0 + 1e-12;
  lipschitz_ = std::max(eigen.eigenvalues().maxCoeff() * above, 1e-300);
  Eigen::VectorXd start =
      Eigen::VectorXd::Constant(matrix_.rows(), 1.0 / static_cast<double>(matrix_.rows()));
  project(start);
  for (State& state : states_) {
    state.weights = start;
  }
}

void QuadraticBank::set_linear(std::int64_t model, const Eigen::VectorXd& linear) {
  linear_.col(model) = linear;
  running_.push_back(model);
}

void QuadraticBank::project(Eigen::Ref<Eigen::VectorXd> weights) const {
  project_onto_sum_in_box({weights.data(), static_cast<std::size_t>(weights.size())}, low_, high_,
                          1.0);
}

double QuadraticBank::least_linear(const Eigen::VectorXd& g) const {
  std::vector<std::size_t> order(low_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return g[static_cast<Eigen::Index>(a)] < g[static_cast<Eigen::Index>(b)];
  });
  double left = 1.0 - std::accumulate(low_.begin(), low_.end(), 0.0);
  double value = 0.0;
  for (const std::size_t i : order) {
    const double more = std::clamp(left, 0.0, high_[i] - low_[i]);
    value += g[static_cast<Eigen::Index>(i)] * (low_[i] + more);
    left -= more;
  }
  return value;
}

void QuadraticBank::evaluate(std::int64_t model, const Eigen::VectorXd& weights, double tolerance) {
  State& state = states_[static_cast<std::size_t>(model)];
  state.weights = weights;
  const Eigen::VectorXd product = matrix_ * weights;
  state.gradient = product - linear_.col(model);
  // Below zero only by rounding.
  state.gap = std::max(0.0, state.gradient.dot(weights) - least_linear(state.gradient));
  const double objective = 0.5 * weights.dot(product) + std::fabs(linear_.col(model).dot(weights));
  constexpr double rounding = 16.0 * std::numeric_limits<double>::epsilon();
  state.bound = std::max(tolerance * objective, rounding * lipschitz_);
  // Rounding may have the better of weights and sums of extreme size: then nothing is proved.
  constexpr double sum_rounding = 1e-9;
  state.converged = state.gap <= state.bound && std::isfinite(state.bound) &&
                    std::fabs(weights.sum() - 1.0) <= sum_rounding;
}

// With the weights at bounds kept there, the others solve a linear system. Kept when that is
// within the bounds and its gap is smaller.
bool QuadraticBank::polish(std::int64_t model, double tolerance) {
  const State before = state(model);
  const std::vector<int> sides = sides_of(before.weights, low_.front(), high_.front());
  std::vector<Eigen::Index> free;
  Eigen::VectorXd weights = before.weights;
  for (std::size_t i = 0; i < sides.size(); ++i) {
    const auto index = static_cast<Eigen::Index>(i);
    if (sides[i] == 0) {
      free.push_back(index);
      weights[index] = 0.0;
    }
  }
  const auto count = static_cast<Eigen::Index>(free.size());
  if (count == 0) {
    return false;
  }
  const Eigen::VectorXd rest = linear_.col(model) - matrix_ * weights;
  Eigen::MatrixXd system = Eigen::MatrixXd::Zero(count + 1, count + 1);
  Eigen::VectorXd right(count + 1);
  system.topLeftCorner(count, count) = matrix_(free, free);
  // The row of the sum is scaled like the matrix, so that pivots compare.
  system.row(count).head(count).setConstant(lipschitz_);
  system.col(count).head(count).setConstant(lipschitz_);
  right.head(count) = rest(free);
  right[count] = lipschitz_ * (1.0 - weights.sum());
  const Eigen::VectorXd solution = system.completeOrthogonalDecomposition().solve(right);
  weights(free) = solution.head(count);
  const bool inside = std::all_of(free.begin(), free.end(), [&](Eigen::Index i) {
    return weights[i] >= low_.front() && weights[i] <= high_.front();
  });
  if (!inside || !weights.allFinite()) {
    return false;
  }
  evaluate(model, weights, tolerance);
  if (state(model).gap < before.gap && std::fabs(weights.sum() - 1.0) <= 1e-12) {
    return true;
  }
  states_[static_cast<std::size_t>(model)] = before;
  return false;
}

void QuadraticBank::solve(double tolerance, std::int64_t steps) {
  const UpdateRule accelerated{RuleKind::accelerated, 0.0};
  std::vector<Run> runs;
  for (const std::int64_t model : std::exchange(running_, {})) {
    const Eigen::VectorXd weights = state(model).weights;
    evaluate(model, weights, tolerance);
    runs.push_back({model, weights, weights, {}, {}});
  }
  for (std::int64_t step = 0; !runs.empty(); ++step) {
    if (step % steps_between_checks == 0) {
      for (Run& run : runs) {
        evaluate(run.model, run.weights, tolerance);
        const std::vector<int> sides = sides_of(run.weights, low_.front(), high_.front());
        if (sides != run.polished_sides) {
          run.polished_sides = sides;
          if (polish(run.model, tolerance)) {
            run.weights = run.ahead = state(run.model).weights;
            run.clock.restart();
          }
        }
      }
      std::erase_if(runs, [&](const Run& run) { return state(run.model).converged; });
    }
    if (runs.empty() || step == steps) {
      return;
    }
    Eigen::MatrixXd ahead(matrix_.rows(), static_cast<Eigen::Index>(runs.size()));
    for (std::size_t k = 0; k < runs.size(); ++k) {
      ahead.col(static_cast<Eigen::Index>(k)) = runs[k].ahead;
    }
    const Eigen::MatrixXd products = matrix_ * ahead;
    for (std::size_t k = 0; k < runs.size(); ++k) {
      Run& run = runs[k];
      Eigen::VectorXd next =
          run.ahead -
          (products.col(static_cast<Eigen::Index>(k)) - linear_.col(run.model)) / lipschitz_;
      project(next);
      const Eigen::VectorXd move = next - run.weights;
      if ((run.ahead - next).dot(move) > 0.0) {
        run.clock.restart();
      }
      const MomentumPair factor = momentum_of_step(accelerated, run.clock);
      run.weights = next;
      run.ahead = next + factor.look_ahead * move;
      ++states_[static_cast<std::size_t>(run.model)].steps;
    }
  }
}

}  // namespace steepest
