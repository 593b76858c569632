// SPDX-License-Identifier: Apache-2.0
// Chooses the penalty: all models of a path, and of all folds, trained side by side on one read.
#pragma once

#include <functional>
#include <vector>

#include "kernels/state_archive.hpp"
#include "src/train/checkpoint.hpp"
#include "src/train/fit_plan.hpp"
#include "src/train/held_data.hpp"
#include "src/train/validation.hpp"
#include "steepest/fit.hpp"
#include "steepest/path.hpp"

namespace steepest::train {

/// A problem whose rows are held, as Fit has it.
struct PathInput {
  kernels::Backend* backend = nullptr;
  const RowSource* data = nullptr;  ///< labels and weights are read from here
  const FitPlan* plan = nullptr;
  const Scaling* scaling = nullptr;
  const FitOptions* options = nullptr;
  Validation* validation = nullptr;  ///< null with folds
  std::vector<double> initial;       ///< (C, d + 1), or empty for zeros
  std::int64_t rows = 0;
  std::int64_t features = 0;

  CheckpointFolder* checkpoints = nullptr;  ///< opened

  /// Writes what the fit remembers, before the path's own state.
  std::function<void(kernels::StateArchive&)> exchange_outer{};
  kernels::StateArchive* resumed = nullptr;  ///< at the path's own state; null: it begins anew
};

/// Penalties of the options; the plan's where they give none.
[[nodiscard]] std::vector<double> path_penalties(const FitOptions& options, const FitPlan& plan);

/// Throws OptionError for options a path does not go with: mini-batches, a rule, schedule, rate or
/// precondition of the caller's, neither folds nor validation rows or both, inference, a GPU.
void check_path(const FitOptions& options, const FitPlan& plan, DeviceKind device);

/// Trains a model for every penalty of the options (the plan's where they give none) and every fold
/// by limited-memory BFGS, each in the metric of its own penalty's bound on the Hessian, until the
/// tolerances of a fit hold; measures all on rows they have not seen; and picks. Models share banks
/// of up to 128 score columns. Penalties are on coefficients in the scale of all rows, in every
/// fold. Adds warnings. `progress` returning false, or the budget of time, ends it early, with what
/// is known; where there are checkpoints, it goes on from there to the same bits.
///
/// Determinism: the same bits for any number of threads.
[[nodiscard]] PathResult choose_l2(const PathInput& input, const FitCallback& progress,
                                   std::vector<std::string>& warnings);

}  // namespace steepest::train
