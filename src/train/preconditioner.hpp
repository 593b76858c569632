// SPDX-License-Identifier: Apache-2.0
// The metric a full-batch run moves in: the bound on the Hessian, inverted once.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/backend.hpp"
#include "src/train/curvature.hpp"

namespace steepest::train {

/// A preconditioner for a full-batch run.
///
/// With S the second moment of [x 1], kappa the largest curvature of the row loss and l2 the
/// penalty, B = kappa S + l2 I (the intercept's element of I being 0) bounds the Hessian of every
/// output from above: it is the Hessian itself for squared loss, and Boehning and Lindsay's bound
/// (1988, Monotonicity of quadratic-approximation algorithms) for logistic and softmax. Moving
/// along P = B^-1 makes a rate of 1 safe and the run independent of how the features are
/// correlated: a squared loss is solved by one step.
struct Preconditioner {
  std::vector<double> matrix;  ///< P, (d + 1, d + 1); row and column of an absent intercept are 0
  double ridge = 0.0;          ///< added to B's diagonal before
  bool exact_bound = false;    ///< S was taken over all rows, so the largest eigenvalue of P B is 1
};

/// Builds it from S, (d + 1, d + 1), which `exact_bound` says is that of all rows; nothing where B
/// cannot be inverted.
[[nodiscard]] std::optional<Preconditioner> make_preconditioner(const std::vector<double>& moment,
                                                                bool exact_bound,
                                                                Precision precision,
                                                                const HessianBound& limits);

/// Rows that S is taken over; nullopt where there are too many features for it.
[[nodiscard]] std::optional<std::int64_t> preconditioner_sample(std::int64_t rows,
                                                                std::int64_t features);

/// Builds it, or nothing where it would not pay: over 2,000 features. S is taken over all rows
/// while that costs less than about 2e11 multiply-adds, and over a sample of at least 64 (d + 1)
/// rows beyond; a ridge of `ridge` times the largest diagonal element keeps B invertible.
[[nodiscard]] std::optional<Preconditioner> make_preconditioner(kernels::Backend& backend,
                                                                std::int64_t rows,
                                                                const HessianBound& limits);

}  // namespace steepest::train
