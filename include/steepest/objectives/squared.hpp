// SPDX-License-Identifier: Apache-2.0
// Squared error, for one output or several.
#pragma once

#include <cstdint>

#include "steepest/host_device.hpp"
#include "steepest/objectives/row_target.hpp"

namespace steepest {

/// l(z, y) = sum_o (z_o - y_o)^2 / 2 over the outputs o of a row; l(0, y) = |y|^2 / 2.
/// dl/dz_o = z_o - y_o. The Hessian in z is the identity, so `curvature` is 1.
struct SquaredLoss {
  static constexpr const char* name = "squared";
  static constexpr bool classifies = false;
  static constexpr double curvature = 1.0;

  /// Turns the scores of one row (outputs long) into weight * dl/dz, in place.
  /// Returns weight * l.
  template <class T>
  STEEPEST_HD static T residual_in_place(T* scores, std::int64_t outputs,
                                         const RowTarget<T>& target, T weight) {
    T loss = 0;
    for (std::int64_t o = 0; o < outputs; ++o) {
      const T error = scores[o] - target.values[o];
      loss += error * error;
      scores[o] = weight * error;
    }
    return weight * loss / 2;
  }
};

}  // namespace steepest
