// SPDX-License-Identifier: Apache-2.0
// Drives one bank of a sweep to the end of its budget, and draws every run's curve.
#pragma once

#include <functional>
#include <vector>

#include "kernels/state_archive.hpp"
#include "src/train/checkpoint.hpp"
#include "src/train/held_data.hpp"
#include "src/train/sweep_plan.hpp"
#include "src/train/validation.hpp"
#include "steepest/sweep.hpp"

namespace steepest::train {

/// Where a bank is: share of its steps, and its runs so far. Return false to stop it.
using BankCallback = std::function<bool(double fraction, const std::vector<SweepRun>& runs)>;

/// How a bank saves itself.
struct BankCheckpoints {
  CheckpointFolder* folder = nullptr;  ///< opened

  /// Writes or reads what the sweep remembers, before the bank's own state.
  std::function<void(kernels::StateArchive&)> exchange_outer;

  std::optional<std::string> resumed;  ///< a state saved in this bank, to go on from
};

/// Runs the cases of a bank, whose schedules have their learning rates. `runs` is parallel to
/// `members` and holds, when it returns, all but the suboptimalities. `validation` may be null.
[[nodiscard]] std::vector<SweepRun> run_bank(HeldData& held, const SweepLayout& layout,
                                             const std::vector<std::size_t>& members,
                                             const SweepOptions& options, Validation* validation,
                                             const BankCheckpoints& checkpoints,
                                             const BankCallback& progress);

/// All of a run but what it is.
void exchange_state(kernels::StateArchive& archive, SweepRun& run);

/// The steps after which SweepOptions::prune ends runs: whole epochs, rising, none twice.
[[nodiscard]] std::vector<std::int64_t> prune_steps(std::int64_t epochs,
                                                    std::int64_t steps_per_epoch);

/// The steps of [0, steps] whose points a curve keeps: at most `most`, half of them evenly spaced,
/// half evenly in the logarithm; multiples of `stride`, the first and the last among them.
[[nodiscard]] std::vector<std::int64_t> curve_steps(std::int64_t steps, std::int64_t stride,
                                                    std::int64_t most);

}  // namespace steepest::train
