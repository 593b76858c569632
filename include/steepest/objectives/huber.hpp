// SPDX-License-Identifier: Apache-2.0
// Huber's loss: squared near the target, absolute far from it. For one output or several.
#pragma once

#include <cstdint>

#include "steepest/host_device.hpp"
#include "steepest/objectives/row_target.hpp"

namespace steepest {

/// l(z, y) = sum_o e^2 / 2 where |e| <= delta, delta |e| - delta^2 / 2 beyond, e = z_o - y_o.
/// dl/dz_o = e cut to [-delta, delta]. The second derivative is 1 or 0: `curvature` is 1.
/// With c = cut(e) both branches are c (e - c / 2). Huber 1964, Robust estimation of a location
/// parameter.
struct HuberLoss {
  static constexpr const char* name = "huber";
  static constexpr bool classifies = false;
  static constexpr double curvature = 1.0;

  double delta = 1.0;  ///< > 0, in the units of the target

  /// Turns the scores of one row (outputs long) into weight * dl/dz, in place.
  /// Returns weight * l.
  template <class T>
  STEEPEST_HD T residual_in_place(T* scores, std::int64_t outputs, const RowTarget<T>& target,
                                  T weight) const {
    const T width = static_cast<T>(delta);
    T loss = 0;
    for (std::int64_t o = 0; o < outputs; ++o) {
      const T error = scores[o] - target.values[o];
      const T cut = error > width ? width : error < -width ? -width : error;
      loss += cut * (error - cut / 2);
      scores[o] = weight * cut;
    }
    return weight * loss;
  }
};

}  // namespace steepest
