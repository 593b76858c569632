// SPDX-License-Identifier: Apache-2.0
// Softmax cross-entropy over any number of classes.
#pragma once

#include <cmath>
#include <cstdint>

#include "steepest/host_device.hpp"
#include "steepest/objectives/row_target.hpp"

namespace steepest {

/// l(z, y) = log(sum_c exp z_c) - z_y, natural logarithm; l(0, y) = log C.
/// dl/dz_c = p_c - [c = y] with p = softmax(z). The Hessian diag(p) - p p^T has no eigenvalue above
/// 1/2: `curvature` (Boehning 1992, Multinomial logistic regression algorithm).
/// Smoothed labels (smoothing A) are t = (1 - A) e_y + A / C instead of e_y (Szegedy et al. 2016,
/// section 7): l = log(sum_c exp z_c) - <t, z>, dl/dz = p - t.
/// The running maximum starts from the first score and is subtracted before exp, so scores of any
/// finite size give a finite loss.
struct SoftmaxLoss {
  static constexpr const char* name = "softmax";
  static constexpr bool classifies = true;
  static constexpr double curvature = 0.5;

  double smoothing = 0.0;  ///< of labels, in [0, 1)

  /// Turns the scores of one row (classes long) into weight * dl/dz, in place.
  /// Returns weight * l.
  template <class T>
  STEEPEST_HD T residual_in_place(T* scores, std::int64_t classes, const RowTarget<T>& target,
                                  T weight) const {
    T largest = scores[0];
    for (std::int64_t c = 1; c < classes; ++c) {
      largest = scores[c] > largest ? scores[c] : largest;
    }
    T gap = largest - scores[target.label];
    const T spread = static_cast<T>(smoothing) / static_cast<T>(classes);  // share of every class
    const T own = T(1) - static_cast<T>(smoothing);
    if (smoothing > 0.0) {
      T gaps = 0;
      for (std::int64_t c = 0; c < classes; ++c) {
        gaps += largest - scores[c];
      }
      gap = own * gap + spread * gaps;
    }
    T total = 0;
    for (std::int64_t c = 0; c < classes; ++c) {
      scores[c] = std::exp(scores[c] - largest);
      total += scores[c];
    }
    const T scale = weight / total;
    for (std::int64_t c = 0; c < classes; ++c) {
      scores[c] = scores[c] * scale - weight * spread;
    }
    scores[target.label] -= weight * own;
    return weight * (std::log(total) + gap);
  }
};

}  // namespace steepest
