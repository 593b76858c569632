// SPDX-License-Identifier: Apache-2.0
// How far a fit is from its optimum, by what its loss, its penalty and its set allow to prove.
#pragma once

#include "src/train/certificate.hpp"
#include "src/train/fit_state.hpp"
#include "src/train/run_loop.hpp"

namespace steepest::train {

/// The bound at the backend's parameters, in the objective's units. `thorough` allows it a dozen
/// more passes for a better one.
[[nodiscard]] GapBound certify(FitState& fit, bool thorough);

/// For the end of a run: a Huber loss without a penalty has no strong convexity to build on, but
/// its rows have second moments.
void bound_without_penalty(FitState& fit, RunOutcome& outcome);

}  // namespace steepest::train
