// SPDX-License-Identifier: Apache-2.0
// How far a fit is from its optimum, by what its loss, its penalty and its set allow to prove.
#pragma once

#include "src/train/certificate.hpp"
#include "src/train/fit_state.hpp"
#include "src/train/run_loop.hpp"

namespace steepest::train {

/// What a certificate needs to know beside a point's parameters, loss, gradient and l1.
[[nodiscard]] CertifiedPoint describe_point(const FitState& fit);

/// The bound at the backend's parameters, in the objective's units. `thorough` allows it a dozen
/// more passes for a better one.
[[nodiscard]] GapBound certify(FitState& fit, bool thorough);

/// For the end of a run by Huber or Poisson loss, which has inverted second moments: a bound by the
/// Hessian there where that is less, or the only one. Not where it would take more than a second.
void sharpen_bound(FitState& fit, RunOutcome& outcome);

}  // namespace steepest::train
