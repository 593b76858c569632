// SPDX-License-Identifier: Apache-2.0
// From the end of a run to the result of a fit, in the units of the input.
#pragma once

#include "src/train/fit_state.hpp"
#include "src/train/run_loop.hpp"

namespace steepest::train {

/// Fills `fit.result` with how the run ended and the model the backend reports.
void keep_outcome(FitState& fit, RunOutcome outcome);

/// Adds standard errors where they were asked for and the run came to an end of its own. The model
/// must have been kept.
void infer_errors(FitState& fit);

/// Warns where schedule polyak was given a target that its run has not ended at: one below the
/// optimum makes steps too long, one above it ends them early.
void warn_of_target(FitState& fit);

}  // namespace steepest::train
