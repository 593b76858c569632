// SPDX-License-Identifier: Apache-2.0
// The inverse of an information matrix, without the directions that rows do not determine.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

namespace steepest::train {

/// A condition index beyond which collinearity does harm (Belsley, Kuh and Welsch 1980, Regression
/// Diagnostics, section 3.2).
inline constexpr double harmful_condition = 30.0;

/// The inverse of H = D R D, D^2 its diagonal, applied to what inference asks for. Of up to
/// `most_eigenvectors` parameters R is taken apart into eigenvectors, which say what is determined;
/// of more it is factorized, and singular as a whole or not at all.
class InverseInformation {
 public:
  static constexpr std::int64_t most_eigenvectors = 1200;

  explicit InverseInformation(const Eigen::MatrixXd& hessian);

  /// a' H^-1 a; NaN where that is not determined.
  [[nodiscard]] double variance(const Eigen::VectorXd& a) const;

  /// H^-1 g, without directions of no curvature.
  [[nodiscard]] Eigen::VectorXd solve(const Eigen::VectorXd& gradient) const;

  /// Root of the largest over the smallest eigenvalue of R; infinite where it is singular.
  [[nodiscard]] double condition_number() const { return condition_; }

  /// Parameters that are determined together.
  [[nodiscard]] std::int64_t rank() const;

  /// The parameters that owe over half of their variance to directions of little curvature.
  [[nodiscard]] std::vector<std::int64_t> collinear() const;

 private:
  void take_eigenvectors(const Eigen::MatrixXd& scaled);
  void factorize(Eigen::MatrixXd& scaled);

  Eigen::VectorXd scale_;
  Eigen::VectorXd inverse_scale_;  // 0 for a parameter that no row depends on
  bool empty_ = false;             // whether there is one
  Eigen::VectorXd values_;
  Eigen::MatrixXd vectors_;  // of many parameters: empty
  Eigen::MatrixXd inverse_;  // of R, where there are no vectors
  double floor_ = 0.0;
  double condition_ = 0.0;
};

}  // namespace steepest::train
