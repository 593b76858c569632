// SPDX-License-Identifier: Apache-2.0
// Where a function is level, and where it is lowest: found, and told apart by curvature.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "steepest/real_function.hpp"

namespace steepest {

/// One side of a box.
struct Interval {
  double low = 0.0;
  double high = 0.0;  ///< > low, finite both
};

enum class CriticalKind {
  minimum,
  maximum,
  saddle,        ///< two variables: up one way, down the other
  inconclusive,  ///< a curvature is 0 as far as can be seen: x^3, x^4, a flat stretch
};

/// minimum, maximum, saddle, inconclusive.
[[nodiscard]] std::string_view name(CriticalKind kind);

/// A point where the gradient is zero, or jumps over zero.
struct CriticalPoint {
  Point at;
  double value = 0.0;
  CriticalKind kind = CriticalKind::inconclusive;
  bool smooth = true;              ///< false at a kink, as of |x|: f' jumps, f'' does not exist
  std::vector<double> curvatures;  ///< eigenvalues of the Hessian, rising; f'' in one variable
};

/// Judges a point where the gradient is zero by f'', or by the eigenvalues of the Hessian. A
/// curvature counts as 0 below 1e-6 of what f does within half a unit. At a kink there is no f'':
/// one variable is judged by the values on both sides, two are left inconclusive.
[[nodiscard]] CriticalPoint classify(const RealFunction& f, const Point& at);

/// Every critical point in a box of one or two variables, in rising order of coordinates. One
/// variable: f' on a grid of `samples` intervals; changes of sign are bisected, touching zeros
/// found by golden section; two zeros closer than the grid can be missed, poles are told apart and
/// left out, a flat stretch counts once. Two variables: Newton's method on the gradient from a
/// grid. Throws InputError when f is finite nowhere on the grid; OptionError for an empty box.
[[nodiscard]] std::vector<CriticalPoint> critical_points(const RealFunction& f,
                                                         const std::vector<Interval>& box,
                                                         std::int64_t samples = 1000);

/// The minimum downhill from `start`, by Newton's method with positive curvatures and halved
/// steps. Nullopt where f falls for ever, leaves its domain, or ends level but in no minimum.
[[nodiscard]] std::optional<CriticalPoint> nearest_minimum(const RealFunction& f, Point start);

/// The lowest point of a box, looked for everywhere.
struct ScanResult {
  Point grid_point;  ///< the lowest of the grid
  double grid_value = 0.0;
  Point at;  ///< refined: within the neighbouring grid points
  double value = 0.0;
  bool on_edge = false;  ///< a coordinate is an end of its interval

  /// f jumps at `at`, or falls without end: the search went into a pole, and there may be no
  /// minimum.
  bool discontinuous = false;

  std::int64_t evaluated = 0;
  std::int64_t undefined = 0;  ///< grid points where f is not finite; passed over
};

/// Evaluates f on `points` (>= 2) evenly spaced values a side, ends included, and refines around
/// the lowest by a search without derivatives and then by nearest_minimum. Finds the global minimum
/// when the grid is fine enough to have a point in its valley. Throws InputError when f is finite
/// nowhere on it; OptionError for an empty box or more than 1e8 points.
[[nodiscard]] ScanResult scan(const RealFunction& f, const std::vector<Interval>& box,
                              std::int64_t points);

}  // namespace steepest
