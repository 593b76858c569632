// SPDX-License-Identifier: Apache-2.0
// Reads from a finished trace what happened: lands, crawls, oscillates, diverges.
#pragma once

#include "steepest/explore.hpp"

namespace steepest {

/// Fills behaviour, bounds, contraction and steps_to_go from trace, termination and target. Values
/// are those of the function that was minimised.
void judge_behaviour(Exploration& run);

/// Euclidean.
[[nodiscard]] double distance(const Point& a, const Point& b);

}  // namespace steepest
