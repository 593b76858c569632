// SPDX-License-Identifier: Apache-2.0
// What a fit left to itself steps by: a metric, a rule, a rate.
#pragma once

#include "src/train/fit_state.hpp"

namespace steepest::train {

/// The bound on the curvature of what a step sees, in the metric it moves in, in trained units.
/// Makes the metric where the plan has one, and chooses the rule where it may.
[[nodiscard]] double curvature_bound(FitState& fit);

/// Quasi-Newton steps learn what no fixed metric knows; where it is the Hessian itself there is
/// nothing to learn.
void choose_rule(FitState& fit, bool metric_is_hessian);

/// Steps safe for the curvature; of adaptive rules, whose steps do not depend on it, the sizes
/// that coefficients of trained scale want (docs/math.md).
[[nodiscard]] double automatic_rate(const FitState& fit);

}  // namespace steepest::train
