// SPDX-License-Identifier: Apache-2.0
// Quantile regression on a few rows as a linear or quadratic program, by an interior-point method.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <functional>
#include <limits>
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

/// Where the iterations are between two of them: all that they go on from.
struct PinballIterations {
  static constexpr std::int64_t most = 100;

  std::int64_t done = 0;
  double size = 0.0;                                      ///< what merits are small beside
  std::int64_t idle = 0;                                  ///< since the merit last fell by a tenth
  double best = std::numeric_limits<double>::infinity();  ///< merit of `kept`
  Eigen::VectorXd parameters;                             ///< p; empty: not begun
  Eigen::ArrayXd above;                                   ///< M: max(error, 0) at the end, > 0
  Eigen::ArrayXd below;                                   ///< M: max(-error, 0)
  Eigen::ArrayXd duals;                                   ///< M
  PinballSolution kept;
};

/// Primal-dual interior points with Mehrotra's predictor and corrector (Portnoy and Koenker 1997,
/// The Gaussian hare and the Laplacian tortoise, section 3, in this form for l2 too), from `start`.
/// Complexity: M p^2 an iteration, about 20 to 40 of them. Runs on one thread: deterministic.
/// `proceed` is asked before each, with `at` as it is then; nullopt where it said false. From an
/// `at` that was left so for the same program and start, it goes on to the same bits.
[[nodiscard]] std::optional<PinballSolution> solve_pinball(const PinballProgram& program,
                                                           const Eigen::VectorXd& start,
                                                           std::optional<PinballIterations>& at,
                                                           const std::function<bool()>& proceed);

}  // namespace steepest::train
