// SPDX-License-Identifier: Apache-2.0
// What makes two runs the same run, for their checkpoints.
#pragma once

#include "src/train/checkpoint.hpp"
#include "src/train/held_data.hpp"
#include "steepest/fit.hpp"

namespace steepest::train {

/// Every option of a problem that changes its bits, but for the threads and the memory, which do
/// not.
[[nodiscard]] RunIdentity problem_identity(std::string kind, const FitOptions& options,
                                           const FitPlan& plan, const HeldData& held);

/// How many rows, and a digest of all that is in them.
[[nodiscard]] std::string validation_digest(const RowSource& rows);

/// And those of a fit, with automatic ones as they were resolved.
[[nodiscard]] RunIdentity fit_identity(const FitOptions& options, const FitPlan& plan,
                                       const HeldData& held);

}  // namespace steepest::train
