// SPDX-License-Identifier: Apache-2.0
// The pinball loss of quantile regression, and its smoothing. For one output or several.
#pragma once

#include <cstdint>

#include "steepest/host_device.hpp"
#include "steepest/objectives/row_target.hpp"

namespace steepest {

/// l(z, y) = sum_o level e where e >= 0, (level - 1) e below, e = y_o - z_o (Koenker and Bassett
/// 1978). dl/dz_o is -level, or 1 - level, and 0, a subgradient, where e is 0.
///
/// With width h > 0 it is smoothed (Nesterov 2005, Smooth minimization of non-smooth functions):
/// l_h = max over u in [level - 1, level] of u e - h u^2 / 2, so u = cut(e / h), dl_h/dz = -u, and
///     0 <= l - l_h <= h / 2 max(level, 1 - level)^2.
/// The second derivative is at most 1 / h. `curvature` is that of width 0.01, which rates are from
/// where nothing is smoothed: in units of the target's deviation they keep a subgradient step
/// short.
struct QuantileLoss {
  static constexpr const char* name = "quantile";
  static constexpr bool classifies = false;
  static constexpr double curvature = 100.0;

  double level = 0.5;  ///< in (0, 1)
  double width = 0.0;  ///< >= 0, in the units of the target

  /// Turns the scores of one row (outputs long) into weight * dl/dz, in place.
  /// Returns weight * l.
  template <class T>
  STEEPEST_HD T residual_in_place(T* scores, std::int64_t outputs, const RowTarget<T>& target,
                                  T weight) const {
    const T high = static_cast<T>(level);
    const T low = static_cast<T>(level - 1.0);
    const T smooth = static_cast<T>(width);
    T loss = 0;
    for (std::int64_t o = 0; o < outputs; ++o) {
      const T error = target.values[o] - scores[o];
      T slope = error > 0 ? high : error < 0 ? low : error;  // NaN stays
      if (smooth > 0) {
        const T share = error / smooth;
        slope = share > high ? high : share < low ? low : share;
      }
      loss += slope * (error - smooth * slope / 2);
      scores[o] = -weight * slope;
    }
    return weight * loss;
  }
};

}  // namespace steepest
