// SPDX-License-Identifier: Apache-2.0
// Classes that a fit can tell apart without error have no finite optimum: the fit says so.
#pragma once

#include <string>

#include "src/train/fit_state.hpp"

namespace steepest::train {

/// Whether the objective has no penalty on sharp labels.
[[nodiscard]] bool may_be_separable(const FitState& fit);

/// A run on separated classes may end at a tolerance, but at no optimum: there is none. Changes the
/// result's termination and bound, and adds a warning. `separating_feature` is a sentence's
/// beginning, or empty: see find_separating_feature().
void note_separation(FitState& fit, const std::string& separating_feature);

}  // namespace steepest::train
