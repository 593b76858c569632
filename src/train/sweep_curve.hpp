// SPDX-License-Identifier: Apache-2.0
// Which points a sweep keeps of a run, where it halts its runs, and which of them go on.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/state_archive.hpp"
#include "steepest/sweep.hpp"

namespace steepest::train {

/// All of a run but what it is.
void exchange_state(kernels::StateArchive& archive, SweepRun& run);

/// The epochs at which all runs of a sweep halt: an eighth, a quarter and a half of them to prune,
/// and the end; rising, none twice.
[[nodiscard]] std::vector<std::int64_t> sweep_legs(std::int64_t epochs, bool prune);

/// The runs that SweepOptions::prune ends where all have halted at the same epoch. For each batch
/// size, what differs in more than its seed is compared by the median of final_objective over
/// seeds, those that diverged infinite: the higher half ends with all its seeds, the smaller half
/// of an odd number. Of equal ones those named first go on. Grouping into banks plays no part.
[[nodiscard]] std::vector<std::size_t> pruned_after_leg(const std::vector<SweepRun>& runs);

/// The steps of [0, steps] whose points a curve keeps: at most `most`, half of them evenly spaced,
/// half evenly in the logarithm; multiples of `stride`, the first and the last among them.
[[nodiscard]] std::vector<std::int64_t> curve_steps(std::int64_t steps, std::int64_t stride,
                                                    std::int64_t most);

}  // namespace steepest::train
