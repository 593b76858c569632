// SPDX-License-Identifier: Apache-2.0
// Logistic loss: two classes, one score.
#pragma once

#include <cmath>
#include <cstdint>

#include "steepest/host_device.hpp"
#include "steepest/objectives/row_target.hpp"

namespace steepest {

/// l(z, y) = log(1 + exp(-y z)) with y = +1 for label 1 and -1 for label 0; l(0, y) = log 2.
/// dl/dz = -y / (1 + exp(y z)). The second derivative is p (1 - p) <= 1/4: `curvature`.
/// Written with exp of a non-positive argument only, so any finite score gives a finite loss.
/// Smoothed labels (smoothing A) are 1 - A / 2 and A / 2 instead of 1 and 0: with m = y z the loss
/// grows by A m / 2, its derivative in m by A / 2.
/// Hastie, Tibshirani, Friedman: The Elements of Statistical Learning, 2nd ed., section 4.4.
struct LogisticLoss {
  static constexpr const char* name = "logistic";
  static constexpr bool classifies = true;
  static constexpr double curvature = 0.25;

  double smoothing = 0.0;  ///< of labels, in [0, 1)

  /// Turns the one score of a row into weight * dl/dz, in place. Returns weight * l.
  template <class T>
  STEEPEST_HD T residual_in_place(T* scores, std::int64_t /*outputs*/, const RowTarget<T>& target,
                                  T weight) const {
    const T sign = target.label == 1 ? T(1) : T(-1);
    const T margin = sign * scores[0];
    const T decay = std::exp(margin < 0 ? margin : -margin);  // exp(-|margin|), in (0, 1]
    const T loss = std::log1p(decay) + (margin < 0 ? -margin : T(0));
    const T miss = (margin < 0 ? T(1) : decay) / (1 + decay);  // 1 / (1 + exp(margin))
    const T other = static_cast<T>(smoothing / 2);             // share of the other label
    scores[0] = -weight * sign * (miss - other);
    return weight * (smoothing > 0.0 ? loss + other * margin : loss);
  }
};

}  // namespace steepest
