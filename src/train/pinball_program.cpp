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
  InteriorPoints(const PinballProgram& program, const VectorXd& start,
                 std::optional<PinballIterations>& at)
      : program_(program),
        scale_(program.weights.array()),
        penalty_(VectorXd::Constant(start.size(), program.ridge)),
        at_(at ? *at : at.emplace()) {
    if (program.last_is_intercept) {
      penalty_[start.size() - 1] = 0.0;
    }
    if (at_.parameters.size() == 0) {
      begin(start);
    }
  }

  std::optional<PinballSolution> solve(const std::function<bool()>& proceed) {
    constexpr double accuracy = 1e-15;
    while (at_.done < PinballIterations::most) {
      if (!proceed()) {
        return std::nullopt;
      }
      iterate();
      ++at_.done;
      if (!at_.parameters.allFinite() || !at_.duals.allFinite()) {
        break;
      }
      const double merit = gap() + dual_residual().lpNorm<1>();
      at_.idle = merit < 0.9 * at_.best ? 0 : at_.idle + 1;
      if (merit < at_.best) {
        at_.best = merit;
        at_.kept = solution();
      }
      if (at_.idle > 3 || merit <= accuracy * at_.size) {
        break;
      }
    }
    return at_.kept;
  }

 private:
  void begin(const VectorXd& start) {
    const ArrayXd errors = program_.targets - program_.rows * start;
    const double room = std::max(errors.abs().mean(), 1e-12);
    at_.parameters = start;
    at_.above = errors.max(0.0) + room;
    at_.below = (-errors).max(0.0) + room;
    at_.duals = scale_ * (program_.level - 0.5);
    at_.size = (scale_ * (at_.above + at_.below)).sum();
    at_.kept = solution();
  }

  [[nodiscard]] ArrayXd slack_above() const { return scale_ * program_.level - at_.duals; }
  [[nodiscard]] ArrayXd slack_below() const { return scale_ * (1.0 - program_.level) + at_.duals; }

  [[nodiscard]] double gap() const {
    return (at_.above * slack_above() + at_.below * slack_below()).sum();
  }

  [[nodiscard]] VectorXd dual_residual() const {
    return program_.linear + program_.rows.transpose() * at_.duals.matrix() -
           penalty_.cwiseProduct(at_.parameters);
  }

  [[nodiscard]] PinballSolution solution() const {
    return {at_.parameters, at_.duals.matrix(), dual_residual()};
  }

  // The Newton step towards above * slack_above = wanted_above and so on.
  [[nodiscard]] Direction aim(const ArrayXd& wanted_above, const ArrayXd& wanted_below) const {
    const ArrayXd room_above = slack_above();
    const ArrayXd room_below = slack_below();
    const ArrayXd missed_above = (wanted_above - at_.above * room_above) / room_above;
    const ArrayXd missed_below = (wanted_below - at_.below * room_below) / room_below;
    const ArrayXd errors = (program_.targets - program_.rows * at_.parameters).array();
    const ArrayXd reach = errors - at_.above + at_.below - missed_above + missed_below;
    Direction step;
    step.parameters =
        factor_.solve(dual_residual() + program_.rows.transpose() * (reach * inverse_).matrix());
    step.duals = (reach - (program_.rows * step.parameters).array()) * inverse_;
    step.above = missed_above + at_.above / room_above * step.duals;
    step.below = missed_below - at_.below / room_below * step.duals;
    return step;
  }

  void factorize() {
    constexpr double ridge = 1e-14;  // against collinear features
    inverse_ = 1.0 / (at_.above / slack_above() + at_.below / slack_below());
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
        std::min(longest(at_.above, step.above), longest(at_.below, step.below)),
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
    const double after = ((at_.above + ahead.primal * predictor.above) *
                              (slack_above() - ahead.dual * predictor.duals) +
                          (at_.below + ahead.primal * predictor.below) *
                              (slack_below() + ahead.dual * predictor.duals))
                             .sum();
    const double centre = std::pow(after / before, 3.0) * before / (2.0 * rows);
    const Direction step =
        aim(centre + predictor.above * predictor.duals, centre - predictor.below * predictor.duals);
    const Lengths length = lengths(step);
    const double primal = std::min(1.0, most_of_the_way * length.primal);
    const double dual = std::min(1.0, most_of_the_way * length.dual);
    at_.parameters += primal * step.parameters;
    at_.above += primal * step.above;
    at_.below += primal * step.below;
    at_.duals += dual * step.duals;
  }

  const PinballProgram& program_;
  ArrayXd scale_;
  VectorXd penalty_;
  PinballIterations& at_;
  ArrayXd inverse_;  // what errors are divided by in the normal equations
  Eigen::LDLT<MatrixXd> factor_;
};

}  // namespace

std::optional<PinballSolution> solve_pinball(const PinballProgram& program, const VectorXd& start,
                                             std::optional<PinballIterations>& at,
                                             const std::function<bool()>& proceed) {
  return InteriorPoints(program, start, at).solve(proceed);
}

}  // namespace steepest::train
