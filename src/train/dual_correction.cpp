// SPDX-License-Identifier: Apache-2.0
#include "src/train/dual_correction.hpp"

#include <Eigen/Cholesky>
#include <cmath>
#include <vector>

namespace steepest::train {

Eigen::VectorXd DualCorrection::reach(const Eigen::MatrixXd& columns, double row_rounding) const {
  if (columns.cols() == 0) {
    return Eigen::VectorXd::Zero(columns.rows());
  }
  const Eigen::VectorXd squares =  // x_i S^-1 x_i
      (columns * inverse).cwiseProduct(columns).rowwise().sum().cwiseMax(0.0);
  return (columns * known).cwiseAbs() + hidden * squares.cwiseSqrt() +
         row_rounding * (columns.cwiseAbs() * (most + known.cwiseAbs()));
}

std::optional<DualCorrection> dual_correction(const DualSlack& slack) {
  constexpr double rounding_of_moment = 1e-13;
  constexpr double least_share = 0.25;
  std::vector<Eigen::Index> used;
  for (Eigen::Index j = 0; j < slack.product.size(); ++j) {
    if (slack.moment(j, j) > 0.0) {
      used.push_back(j);
    } else if (slack.product[j] != 0.0 || slack.error[j] > 0.0) {
      return std::nullopt;
    }
  }
  const Eigen::Index columns = slack.product.size();
  DualCorrection found{Eigen::VectorXd::Zero(columns), Eigen::VectorXd::Zero(columns),
                       Eigen::MatrixXd::Zero(columns, columns)};
  if (used.empty()) {
    return found;
  }
  const Eigen::VectorXd size = slack.moment.diagonal()(used).cwiseSqrt();  // q
  const Eigen::MatrixXd scaled = size.cwiseInverse().asDiagonal() * slack.moment(used, used) *
                                 size.cwiseInverse().asDiagonal();
  const Eigen::LLT<Eigen::MatrixXd> factor(scaled);
  if (factor.info() != Eigen::Success) {
    return std::nullopt;
  }
  const Eigen::MatrixXd inverse =
      factor.solve(Eigen::MatrixXd::Identity(scaled.rows(), scaled.cols()));
  const Eigen::VectorXd reach = inverse.diagonal().cwiseMax(1.0).cwiseSqrt();
  const double most = reach.sum();  // Q
  const double moved = slack.row_rounding * most;
  const double share = (1.0 - moved) * (1.0 - moved) - rounding_of_moment * most * most;
  if (!(moved < 1.0) || !(share >= least_share)) {
    return std::nullopt;
  }
  const Eigen::VectorXd product = slack.product(used).cwiseQuotient(size);
  const Eigen::VectorXd known = inverse * product;
  const double known_size = std::sqrt(std::fmax(0.0, product.dot(known)));
  const Eigen::VectorXd left = slack.error(used).cwiseQuotient(size).array() +
                               slack.row_rounding * (2.0 * most + 1.0) * known_size;
  const double rest = std::sqrt(left.dot(inverse.cwiseAbs() * left) / share);
  found.known(used) = known.cwiseQuotient(size);
  found.most(used) = reach.cwiseQuotient(size) * (rest / std::sqrt(share));
  found.inverse(used, used) =
      size.cwiseInverse().asDiagonal() * inverse * size.cwiseInverse().asDiagonal();
  found.hidden = rest / std::sqrt(share);
  found.size = (1.0 + moved) * known_size + rest;
  return found;
}

}  // namespace steepest::train
