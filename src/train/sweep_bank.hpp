// SPDX-License-Identifier: Apache-2.0
// Drives one bank of a sweep through its budget, and draws every run's curve.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
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

/// A part of a bank's epochs, after which it halts.
struct BankLeg {
  std::int64_t epochs = 0;          ///< where it halts, counted from the start
  std::vector<std::size_t> pruned;  ///< places in `members` of runs that end before it
  std::string state;                ///< to go on from; empty at the start. Set where it halts
};

/// Runs the cases of a bank, whose schedules have their learning rates, to the end of a leg. What
/// is returned is parallel to `members` and holds, of runs that have ended, all but the
/// suboptimalities. `validation` may be null.
[[nodiscard]] std::vector<SweepRun> run_bank(HeldData& held, const SweepLayout& layout,
                                             const std::vector<std::size_t>& members,
                                             const SweepOptions& options, Validation* validation,
                                             const BankCheckpoints& checkpoints, BankLeg& leg,
                                             const BankCallback& progress);

}  // namespace steepest::train
