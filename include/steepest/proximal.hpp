// SPDX-License-Identifier: Apache-2.0
// What takes the place of a derivative where there is none: proximal maps and subgradients of
// l1 |w| and of bounds, one coefficient at a time.
#pragma once

#include <limits>

#include "steepest/host_device.hpp"

namespace steepest {

inline constexpr double unbounded = std::numeric_limits<double>::infinity();

/// low <= w <= high; infinite where there is no bound.
struct Bound {
  double low = -unbounded;
  double high = unbounded;
};

/// argmin over w within the bound of (w - v)^2 / 2 + threshold |w|: soft thresholding (Donoho
/// 1995), then the nearest point within. Exactly 0 where |v| <= threshold and 0 is within.
STEEPEST_HD inline double proximal_point(double v, double threshold, const Bound& bound) {
  double w = 0.0 * v + 0.0;  // a NaN stays one, and no 0 is negative
  if (v > threshold) {
    w = v - threshold;
  } else if (v < -threshold) {
    w = v + threshold;
  }
  w = w < bound.low ? bound.low : w;
  return w > bound.high ? bound.high : w;
}

/// The number nearest 0 among the subgradients at w of g w + l1 |w| within the bound: 0 exactly
/// where no step from w lowers it. A w outside the bound counts as one on it. 0 for a g that is
/// not a number.
STEEPEST_HD inline double smallest_subgradient(double g, double l1, double w, const Bound& bound) {
  const double least = w <= bound.low ? -unbounded : g + (w > 0.0 ? l1 : -l1);
  const double most = w >= bound.high ? unbounded : g + (w < 0.0 ? -l1 : l1);
  return least > 0.0 ? least : most < 0.0 ? most : 0.0;
}

}  // namespace steepest
