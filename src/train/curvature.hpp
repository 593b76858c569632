// SPDX-License-Identifier: Apache-2.0
// How sharply the objective can bend: what a safe learning rate is derived from.
#pragma once

#include <cstdint>

#include "kernels/backend.hpp"

namespace steepest::train {

/// An estimate of the largest eigenvalue of S = [X 1]^T diag(w) [X 1] / n of the data held, by
/// power iteration from a fixed seed until it is known to 1 % or 100 products are spent. Returns
/// theta + |S v - theta v|, theta the Rayleigh quotient of the last unit vector v: some eigenvalue
/// lies within that residual of theta (Parlett, The Symmetric Eigenvalue Problem, 4.5), so the sum
/// is the safe side of it.
[[nodiscard]] double largest_eigenvalue(kernels::Backend& backend, std::int64_t features,
                                        bool intercept);

/// The largest row term w_i (|x_i|^2 + 1): the curvature of a batch of one row.
/// Smoothness of a gradient averaged over `batch` of `rows` rows drawn without replacement, between
/// `full` = the eigenvalue above and `row` = the largest row term: expected smoothness, Gower et
/// al. 2019 (arXiv 1901.09401), proposition 3.8.
[[nodiscard]] double batch_curvature(double full, double row, std::int64_t rows,
                                     std::int64_t batch);

}  // namespace steepest::train
