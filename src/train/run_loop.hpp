// SPDX-License-Identifier: Apache-2.0
// Drives a bank of one on a backend until a tolerance is met or a budget is spent.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernels/backend.hpp"
#include "src/train/certificate.hpp"
#include "src/train/checkpoint.hpp"
#include "src/train/fit_plan.hpp"
#include "src/train/scaling.hpp"
#include "steepest/fit.hpp"

namespace steepest::train {

/// What a run leaves, in the objective's units.
struct RunOutcome {
  kernels::ModelState state;  ///< trained units
  Evaluation at;              ///< of the parameters kept, on all rows
  Termination termination;
  double seconds = 0.0;
  GapBound gap;  ///< at the end
  std::vector<HistoryPoint> history;
};

/// Budgets and reporting of a run.
struct RunLimits {
  std::int64_t epochs = 0;
  double max_seconds = 0.0;     ///< of this start, what came before the run too; 0: none
  double seconds_before = 0.0;  ///< spent in this start before the run
  double tolerance_gap = 0.0;   ///< 0: none

  /// Bounds objective - optimum at the backend's current parameters, in the objective's units;
  /// empty: not asked for.
  /// `thorough` allows it a dozen more passes for a better one.
  std::function<GapBound(bool thorough)> gap;

  /// Starts the bank anew at parameters and a step of this run that were good, with half the rate,
  /// after it diverged; false when that is not wanted. Empty: a run that diverges has ended.
  std::function<bool(const std::vector<double>& parameters, std::int64_t step)> restart;

  CheckpointFolder* checkpoints = nullptr;  ///< opened; null: none
  bool is_last = true;                      ///< false: its end is not that of what is saved

  /// Writes or reads what the caller remembers, before the run's own state.
  std::function<void(kernels::StateArchive&)> exchange_outer;
  std::optional<std::string> resumed;  ///< a state saved there, to go on from

  /// The mean loss on validation rows at the backend's current parameters, in the objective's
  /// units; empty: the run is not judged by it. It ends when the loss has not been below its least
  /// so many turns in a row, steps (full batch) or epochs; `put_back` then starts the backend's
  /// bank at the parameters of the least.
  std::function<double()> validation_loss;
  std::int64_t validation_patience = 0;
  std::function<void(const std::vector<double>& parameters)> put_back;
};

/// For checkpoints: see kernels/state_archive.hpp.
void exchange_point(kernels::StateArchive& archive, HistoryPoint& point);

/// Runs the bank of one model that was started on `backend`. `model` is its plan there.
[[nodiscard]] RunOutcome run_to_end(kernels::Backend& backend, const kernels::ModelPlan& model,
                                    const FitPlan& plan, const Scaling& scaling,
                                    const RunLimits& limits, const FitCallback& progress);

}  // namespace steepest::train
