// SPDX-License-Identifier: Apache-2.0
// The objective of a few variables: any callable that gives a number at a point.
#pragma once

#include <functional>
#include <vector>

namespace steepest {

/// Coordinates, one a variable.
using Point = std::vector<double>;

/// A function of a Point. Where it is undefined it gives NaN or an infinity; it does not throw.
using RealFunction = std::function<double(const Point&)>;

}  // namespace steepest
