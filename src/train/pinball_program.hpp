// SPDX-License-Identifier: Apache-2.0
// Quantile regression on a few rows as a linear or quadratic program, by an interior-point method.
#pragma once

#include <Eigen/Core>
#include <functional>
#include <optional>

namespace steepest::train {

/// Minimise over b:  sum_i s_i l(y_i - x_i b) - <g, b> + ridge / 2 |b|^2 without the intercept,
/// l the pinball loss of `level`.
struct PinballProgram {
  Eigen::MatrixXd rows;     ///< (M, p)
  Eigen::VectorXd targets;  ///< M
  Eigen::VectorXd weights;  ///< M: s_i > 0
  Eigen::VectorXd linear;   ///< p: g, of rows whose loss is linear where the optimum is
  double level = 0.5;
  double ridge = 0.0;
  bool last_is_intercept = true;
};

/// A point, and dual variables a_i in (s_i (level - 1), s_i level).
struct PinballSolution {
  Eigen::VectorXd parameters;  ///< p
  Eigen::VectorXd duals;       ///< M
  Eigen::VectorXd residual;    ///< p: g + sum_i a_i x_i - ridge b, 0 to rounding
};

/// Primal-dual interior points with Mehrotra's predictor and corrector (Portnoy and Koenker 1997,
/// The Gaussian hare and the Laplacian tortoise, section 3, in this form for l2 too), from `start`.
/// Complexity: M p^2 an iteration, about 20 to 40 of them. Runs on one thread: deterministic.
/// `proceed` is asked before each; nullopt where it said false.
[[nodiscard]] std::optional<PinballSolution> solve_pinball(const PinballProgram& program,
                                                           const Eigen::VectorXd& start,
                                                           const std::function<bool()>& proceed);

}  // namespace steepest::train
