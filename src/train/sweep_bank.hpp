// SPDX-License-Identifier: Apache-2.0
// Drives one bank of a sweep to the end of its budget, and draws every run's curve.
#pragma once

#include <functional>
#include <vector>

#include "src/train/held_data.hpp"
#include "src/train/sweep_plan.hpp"
#include "src/train/validation.hpp"
#include "steepest/sweep.hpp"

namespace steepest::train {

/// Where a bank is: share of its steps, and its runs so far. Return false to stop it.
using BankCallback = std::function<bool(double fraction, const std::vector<SweepRun>& runs)>;

/// Runs the cases of a bank, whose schedules have their learning rates. `runs` is parallel to
/// `members` and holds, when it returns, all but the suboptimalities. `validation` may be null.
[[nodiscard]] std::vector<SweepRun> run_bank(HeldData& held, const SweepLayout& layout,
                                             const std::vector<std::size_t>& members,
                                             const SweepOptions& options, Validation* validation,
                                             const BankCallback& progress);

/// The steps of [0, steps] whose points a curve keeps: at most `most`, half of them evenly spaced,
/// half evenly in the logarithm; multiples of `stride`, the first and the last among them.
[[nodiscard]] std::vector<std::int64_t> curve_steps(std::int64_t steps, std::int64_t stride,
                                                    std::int64_t most);

}  // namespace steepest::train
