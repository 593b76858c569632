// SPDX-License-Identifier: Apache-2.0
// How sharply the objective can bend: what a safe learning rate is derived from.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/backend.hpp"

namespace steepest::train {

/// What the Hessian of the objective is bounded by: loss_curvature * S + l2 I, where S is
/// [X 1]^T diag(w) [X 1] / n of the data held and the intercept is not penalised.
struct HessianBound {
  std::int64_t features = 0;
  bool intercept = true;
  double loss_curvature = 1.0;
  double l2 = 0.0;
};

/// An estimate, from above, of the largest eigenvalue of P B, B the bound and P a preconditioner
/// ((d + 1, d + 1), or empty for the identity), by power iteration from a fixed start until it is
/// known to 1 % or 100 products are spent.
/// Returns theta + |B v - theta u|_P for v = P u, u'P u = 1, theta = v'B v: some eigenvalue lies
/// within that residual of theta (Parlett, The Symmetric Eigenvalue Problem, 4.5 and 15.9), so the
/// sum is the safe side of it.
[[nodiscard]] double largest_eigenvalue(kernels::Backend& backend, const HessianBound& bound,
                                        const std::vector<double>& preconditioner);

/// Smoothness of a gradient averaged over `batch` of `rows` rows drawn without replacement, between
/// `full`, the smoothness of the whole objective, and `row`, the largest of one row's: expected
/// smoothness, Gower et al. 2019 (arXiv 1901.09401), proposition 3.8.
[[nodiscard]] double batch_curvature(double full, double row, std::int64_t rows,
                                     std::int64_t batch);

}  // namespace steepest::train
