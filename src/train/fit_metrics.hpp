// SPDX-License-Identifier: Apache-2.0
// What a fitted model makes of the rows it was trained on, from the data the backend holds.
#pragma once

#include <cstdint>

#include "src/train/fit_state.hpp"

namespace steepest::train {

/// Fills the result's metrics, and its diagnostics where they are asked for.
void measure_training(FitState& fit);

/// Rows in the units of the input, (count, d). Those that the backend took come back from their
/// scale to the float they were, or next to it.
void read_features(FitState& fit, std::int64_t first, std::int64_t count, RowBuffer& buffer,
                   float* out);

}  // namespace steepest::train
