// SPDX-License-Identifier: Apache-2.0
// Squared loss solved by orthogonal transformations, for features too collinear for their second
// moments.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/backend.hpp"
#include "kernels/thread_pool.hpp"
#include "src/train/curvature.hpp"
#include "src/train/hessian.hpp"

namespace steepest::train {

/// Condition number of second moments beyond which their Cholesky factor has lost half of double's
/// digits of the optimum.
inline constexpr double moments_lose_digits = 1e6;

/// An estimate, in the 1-norm, of the condition number of S + l2 I once scaled to a unit diagonal,
/// S being the second moment, (d + 1, d + 1), of the features as trained; infinite where it is
/// singular to rounding. Its root is about that of the rows, [X 1] with columns of length 1.
[[nodiscard]] double moment_condition(const std::vector<double>& moment, const HessianBound& bound);

/// Where squared loss is least.
struct LeastSquares {
  std::vector<double> parameters;  ///< (C, d + 1), in the trained scale
  double objective = 0.0;          ///< at them, from R, in double
  std::int64_t rank = 0;           ///< of [X 1], columns scaled to length 1; d + 1 or less
};

/// The minimum over B and b of sum_i w_i |x_i B + b - y_i|^2 / (2 n) + l2/2 |B|^2, the objective of
/// squared loss, on the rows `backend` holds, as they are trained on: standardized and rounded to
/// float32. All else is in double. Of a rank below d + 1 the solution nearest to zero, in columns
/// scaled to length 1, is taken.
///
/// [sqrt(w) X, sqrt(w), sqrt(w) Y] is reduced to its triangular factor R by Householder
/// transformations, block by block (TSQR: Demmel, Grigori, Hoemmen and Langou 2012), with rows
/// sqrt(n l2) I below, and R is solved by a complete orthogonal decomposition. The relative error
/// of coefficients goes with the condition number of the rows, not with its square (Golub and Van
/// Loan 2013, Matrix Computations, section 5.3).
///
/// Complexity: one read of the rows and about 3 n (d + 1 + C)^2 flops. Memory: O((d + 1 + C)^2) for
/// up to 8 triangles and blocks of rows. Determinism: the same bits for any number of threads.
[[nodiscard]] LeastSquares solve_least_squares(kernels::Backend& backend, const HessianRows& rows,
                                               double l2, bool intercept,
                                               kernels::ThreadPool& pool);

}  // namespace steepest::train
