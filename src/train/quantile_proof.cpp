// SPDX-License-Identifier: Apache-2.0
#include "src/train/quantile_proof.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "src/train/certificate_rounding.hpp"
#include "src/train/dual_correction.hpp"

namespace steepest::train {
namespace {

// Room that rows without any are given at the price of shrinking all duals.
constexpr double least_rooms[] = {0.0, 1e-9, 1e-6, 1e-3};

class Rounding {
 public:
  explicit Rounding(const QuantileDual& dual)
      : program_(dual.program),
        solution_(dual.solution),
        point_(dual.point),
        rows_(static_cast<double>(dual.rows)),
        penalised_(program_.ridge > 0.0 ? point_.features : 0),
        free_(program_.rows.cols() - penalised_) {}

  QuantileRounding find() {
    QuantileRounding found;
    found.score_error = score_error(point_);
    const Eigen::Index features = point_.features;
    const Eigen::VectorXd size = solution_.parameters.cwiseAbs();
    const double free = program_.last_is_intercept ? size[features] : 0.0;
    found.row_errors = (point_.row_rounding + point_.score_rounding) *
                       (program_.rows.leftCols(features).cwiseAbs() * size.head(features));
    found.row_errors.array() += point_.score_rounding * (free + 1.0);
    room_ = ((program_.weights * program_.level - solution_.duals)
                 .cwiseMin(program_.weights * (1.0 - program_.level) + solution_.duals))
                .cwiseQuotient(program_.weights)
                .cwiseMax(0.0);
    double best = INFINITY;
    for (const double least_room : least_rooms) {
      const QuantileRounding tried = with_room(least_room, found);
      if (tried.is_feasible && tried.correction + (1.0 - tried.share) < best) {
        best = tried.correction + (1.0 - tried.share);
        found = tried;
      }
    }
    return found;
  }

 private:
  // Every row may move by so much at least.
  [[nodiscard]] QuantileRounding with_room(double least_room, QuantileRounding found) const {
    // As the square of its room a row may move least where it has least (Dikin's ellipsoid).
    const Eigen::VectorXd moves = room_.cwiseAbs2().cwiseMax(least_room);
    const Eigen::VectorXd weights = program_.weights.cwiseProduct(moves) / rows_;
    const Eigen::MatrixXd columns = program_.rows.rightCols(free_);
    const std::optional<DualCorrection> correction = correct(columns, weights);
    found.is_feasible = correction.has_value();
    if (!correction) {
      return found;
    }
    const Eigen::VectorXd moved = correction->reach(columns, point_.row_rounding);  // |x_i c|
    const double beyond = (moves.cwiseProduct(moved) - room_).maxCoeff();
    const double margin = std::min(program_.level, 1.0 - program_.level);
    found.share = margin / (margin + std::max(0.0, beyond));
    const Eigen::VectorXd errors =
        (program_.targets - program_.rows * solution_.parameters).cwiseAbs() + found.row_errors;
    found.correction = correction->size * std::sqrt(weights.dot(errors.cwiseAbs2()));
    const Eigen::VectorXd of_correction =
        program_.rows.leftCols(penalised_).cwiseAbs().transpose() * weights.cwiseProduct(moved);
    found.gradient.clear();
    for (Eigen::Index j = 0; j < penalised_; ++j) {
      found.gradient.push_back(std::fabs(solution_.residual[j]) / rows_ + error(j) +
                               of_correction[j]);
    }
    return found;
  }

  // Of a mean product of the duals with a column.
  [[nodiscard]] double error(Eigen::Index column) const {
    const bool is_intercept = column == point_.features;
    const double size = is_intercept ? 1.0 : point_.feature_size[static_cast<std::size_t>(column)];
    return ((is_intercept ? 0.0 : point_.row_rounding) + 2.0 * point_.rounding) * size *
           std::max(program_.level, 1.0 - program_.level);
  }

  // So that the columns without a penalty have no product with the duals.
  template <class Columns>
  [[nodiscard]] std::optional<DualCorrection> correct(const Columns& columns,
                                                      const Eigen::VectorXd& weights) const {
    DualSlack slack;
    slack.row_rounding = point_.row_rounding;
    slack.moment = columns.transpose() * (columns.array().colwise() * weights.array()).matrix();
    slack.product = solution_.residual.tail(free_) / rows_;
    slack.error.resize(free_);
    for (Eigen::Index j = 0; j < free_; ++j) {
      slack.error[j] = error(penalised_ + j);
    }
    return dual_correction(slack);
  }

  const PinballProgram& program_;
  const PinballSolution& solution_;
  const CertifiedPoint& point_;
  double rows_;
  Eigen::Index penalised_;
  Eigen::Index free_;
  Eigen::VectorXd room_;
};

// Of a row: its loss less dual * error, which is 0 or more.
double lost(double error, double weight, double dual, double level) {
  const double slope = weight * (error > 0.0 ? level : level - 1.0);
  return std::max(0.0, (slope - dual) * error);
}

}  // namespace

QuantileRounding quantile_rounding(const QuantileDual& dual) { return Rounding(dual).find(); }

double outer_dual(double error, double width, double level) {
  return std::clamp(error / width, level - 1.0, level);
}

void QuantileProof::add(const QuantileProof& other) {
  as_held += other.as_held;
  as_came += other.as_came;
  is_proved = is_proved && other.is_proved;
  signs_held = signs_held && other.signs_held;
}

QuantileProof prove_quantile(const QuantileRound& round, const std::vector<double>& errors,
                             const std::vector<double>& weights, double level, double l2) {
  const QuantileRounding& hidden = round.hidden;
  QuantileProof proof;
  proof.is_proved = hidden.is_feasible;
  double loss = 0.0;
  double least_left_out = std::numeric_limits<double>::infinity();
  std::size_t next = 0;
  for (std::size_t row = 0; row < errors.size(); ++row) {
    const double weight = weights[row];
    const double error = errors[row];
    loss += weight * error * (error > 0.0 ? level : level - 1.0);
    if (next < round.chosen.size() && round.chosen[next] == static_cast<std::int64_t>(row)) {
      const auto i = static_cast<Eigen::Index>(next++);
      const double off = hidden.row_errors[i];
      proof.as_held += lost(error, weight, round.duals[i], level);
      proof.as_came += std::max(lost(error - off, weight, round.duals[i], level),
                                lost(error + off, weight, round.duals[i], level));
    } else {
      const double dual = weight * outer_dual(round.errors[row], round.sharpness, level);
      const double mine = lost(error, weight, dual, level);
      proof.signs_held = proof.signs_held && mine <= 1e-9 * weight;
      proof.as_held += mine;
      proof.as_came += mine;
      least_left_out = weight > 0.0 ? std::min(least_left_out, std::fabs(error)) : least_left_out;
    }
  }
  const auto rows = static_cast<double>(errors.size());
  const double off = hidden.score_error;
  // A row left out whose error of size a is off by e costs e - a <= e^2 / 4a where it changes sign.
  const double left_out = std::min(off, 0.25 * off * off / least_left_out);
  proof.as_held /= rows;
  proof.as_came = hidden.share * (proof.as_came / rows + hidden.correction + left_out) +
                  (1.0 - hidden.share) * (loss / rows + off);
  const auto penalised = l2 > 0.0 ? static_cast<Eigen::Index>(hidden.gradient.size()) : 0;
  for (Eigen::Index j = 0; j < round.residual.size(); ++j) {
    const double left = round.residual[j] / rows;
    const double at = std::fabs(round.parameters[j]);
    if (j >= penalised) {
      proof.as_held += std::fabs(left) * at;
      continue;
    }
    // l2/2 b^2 - k b v + (k v)^2 / (2 l2), v as far from l2 b as it may be.
    const double most = hidden.share * hidden.gradient[static_cast<std::size_t>(j)] +
                        (1.0 - hidden.share) * l2 * at;
    proof.as_held += left * left / (2.0 * l2);
    proof.as_came += most * most / (2.0 * l2);
  }
  return proof;
}

}  // namespace steepest::train
