// SPDX-License-Identifier: Apache-2.0
#include "src/train/pinball_program.hpp"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

namespace steepest::train {
namespace {

using Eigen::ArrayXd;
using Eigen::MatrixXd;
using Eigen::VectorXd;

// What one step changes.
struct Direction {
  VectorXd parameters;
  ArrayXd duals;
  ArrayXd above;
  ArrayXd below;
};

class InteriorPoints {
 public:
  InteriorPoints(const PinballProgram& program, const VectorXd& start)
      : program_(program),
        scale_(program.weights.array()),
        penalty_(VectorXd::Constant(start.size(), program.ridge)),
        parameters_(start) {
    if (program.last_is_intercept) {
      penalty_[start.size() - 1] = 0.0;
    }
    const ArrayXd errors = program.targets - program.rows * start;
    const double room = std::max(errors.abs().mean(), 1e-12);
    above_ = errors.max(0.0) + room;
    below_ = (-errors).max(0.0) + room;
    duals_ = scale_ * (program.level - 0.5);
  }

  std::optional<PinballSolution> solve(const std::function<bool()>& proceed) {
    constexpr int most_iterations = 100;
    constexpr double accuracy = 1e-15;
    const double size = (scale_ * (above_ + below_)).sum();
    double best = INFINITY;
    int idle = 0;
    PinballSolution kept = solution();
    for (int iteration = 0; iteration < most_iterations; ++iteration) {
      if (!proceed()) {
        return std::nullopt;
      }
      iterate();
      if (!parameters_.allFinite() || !duals_.allFinite()) {
        break;
      }
      const double merit = gap() + dual_residual().lpNorm<1>();
      idle = merit < 0.9 * best ? 0 : idle + 1;
      if (merit < best) {
        best = merit;
        kept = solution();
      }
      if (idle > 3 || merit <= accuracy * size) {
        break;
      }
    }
    return kept;
  }

 private:
  [[nodiscard]] ArrayXd slack_above() const { return scale_ * program_.level - duals_; }
  [[nodiscard]] ArrayXd slack_below() const { return scale_ * (1.0 - program_.level) + duals_; }

  [[nodiscard]] double gap() const {
    return (above_ * slack_above() + below_ * slack_below()).sum();
  }

  [[nodiscard]] VectorXd dual_residual() const {
    return program_.linear + program_.rows.transpose() * duals_.matrix() -
           penalty_.cwiseProduct(parameters_);
  }

  [[nodiscard]] PinballSolution solution() const {
    return {parameters_, duals_.matrix(), dual_residual()};
  }

  // The Newton step towards above * slack_above = wanted_above and so on.
  [[nodiscard]] Direction aim(const ArrayXd& wanted_above, const ArrayXd& wanted_below) const {
    const ArrayXd room_above = slack_above();
    const ArrayXd room_below = slack_below();
    const ArrayXd missed_above = (wanted_above - above_ * room_above) / room_above;
    const ArrayXd missed_below = (wanted_below - below_ * room_below) / room_below;
    const ArrayXd errors = (program_.targets - program_.rows * parameters_).array();
    const ArrayXd reach = errors - above_ + below_ - missed_above + missed_below;
    Direction step;
    step.parameters =
        factor_.solve(dual_residual() + program_.rows.transpose() * (reach * inverse_).matrix());
    step.duals = (reach - (program_.rows * step.parameters).array()) * inverse_;
    step.above = missed_above + above_ / room_above * step.duals;
    step.below = missed_below - below_ / room_below * step.duals;
    return step;
  }

  void factorize() {
    constexpr double ridge = 1e-14;  // against collinear features
    inverse_ = 1.0 / (above_ / slack_above() + below_ / slack_below());
    MatrixXd normal =
        program_.rows.transpose() * (program_.rows.array().colwise() * inverse_).matrix();
    normal.diagonal() += penalty_;
    normal.diagonal() *= 1.0 + ridge;
    factor_.compute(normal);
  }

  // The longest step, at most 1, that keeps `values` above 0.
  static double longest(const ArrayXd& values, const ArrayXd& changes) {
    double length = 1.0;
    for (Eigen::Index i = 0; i < values.size(); ++i) {
      if (changes[i] < 0.0) {
        length = std::min(length, -values[i] / changes[i]);
      }
    }
    return length;
  }

  struct Lengths {
    double primal;
    double dual;
  };

  // With a ridge the two are coupled and take the same.
  [[nodiscard]] Lengths lengths(const Direction& step) const {
    Lengths found{
        std::min(longest(above_, step.above), longest(below_, step.below)),
        std::min(longest(slack_above(), -step.duals), longest(slack_below(), step.duals))};
    if (program_.ridge > 0.0) {
      found.primal = found.dual = std::min(found.primal, found.dual);
    }
    return found;
  }

  void iterate() {
    constexpr double most_of_the_way = 0.99995;
    const auto rows = static_cast<double>(scale_.size());
    factorize();
    const ArrayXd zero = ArrayXd::Zero(scale_.size());
    const Direction predictor = aim(zero, zero);
    const Lengths ahead = lengths(predictor);
    const double before = gap();
    const double after =
        ((above_ + ahead.primal * predictor.above) *
             (slack_above() - ahead.dual * predictor.duals) +
         (below_ + ahead.primal * predictor.below) * (slack_below() + ahead.dual * predictor.duals))
            .sum();
    const double centre = std::pow(after / before, 3.0) * before / (2.0 * rows);
    const Direction step =
        aim(centre + predictor.above * predictor.duals, centre - predictor.below * predictor.duals);
    const Lengths length = lengths(step);
    const double primal = std::min(1.0, most_of_the_way * length.primal);
    const double dual = std::min(1.0, most_of_the_way * length.dual);
    parameters_ += primal * step.parameters;
    above_ += primal * step.above;
    below_ += primal * step.below;
    duals_ += dual * step.duals;
  }

  const PinballProgram& program_;
  ArrayXd scale_;
  VectorXd penalty_;
  VectorXd parameters_;
  ArrayXd above_;    // max(error, 0) at the end, > 0
  ArrayXd below_;    // max(-error, 0)
  ArrayXd duals_;    // a
  ArrayXd inverse_;  // what errors are divided by in the normal equations
  Eigen::LDLT<MatrixXd> factor_;
};

}  // namespace

std::optional<PinballSolution> solve_pinball(const PinballProgram& program, const VectorXd& start,
                                             const std::function<bool()>& proceed) {
  return InteriorPoints(program, start).solve(proceed);
}

}  // namespace steepest::train
