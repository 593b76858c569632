// SPDX-License-Identifier: Apache-2.0
// Poisson loss of counts, with the logarithm as its link. For one output or several.
#pragma once

#include <cmath>
#include <cstdint>

#include "steepest/host_device.hpp"
#include "steepest/objectives/row_target.hpp"

namespace steepest {

/// Half the deviance: l(z, y) = sum_o y log(y / mu) - y + mu with mu = exp(z_o) and 0 log 0 = 0;
/// the negative log likelihood but for a term without z, 0 where mu = y. dl/dz_o = mu - y.
/// Targets are >= 0. The second derivative, mu, has no bound: `curvature` is that at z = 0.
/// McCullagh and Nelder: Generalized Linear Models, 2nd ed., table 2.1 and chapter 6.
/// With t = z - log y, l is y (expm1(t) - t): no digits are lost near the target. Scores are cut at
/// `largest_score`, so that a finite score gives a finite loss.
struct PoissonLoss {
  static constexpr const char* name = "poisson";
  static constexpr bool classifies = false;
  static constexpr double curvature = 1.0;

  /// Whose exponential, and its products with counts and features, T still holds.
  template <class T>
  [[nodiscard]] STEEPEST_HD static constexpr T largest_score() {
    return sizeof(T) == sizeof(double) ? T(600) : T(70);
  }

  /// Turns the scores of one row (outputs long) into weight * dl/dz, in place.
  /// Returns weight * l.
  template <class T>
  STEEPEST_HD static T residual_in_place(T* scores, std::int64_t outputs,
                                         const RowTarget<T>& target, T weight) {
    constexpr T most = largest_score<T>();
    T loss = 0;
    for (std::int64_t o = 0; o < outputs; ++o) {
      const T count = target.values[o];
      const T score = scores[o] > most ? most : scores[o];
      const T mean = std::exp(score);
      T value = mean;
      if (count > 0) {
        const T gap = score - std::log(count);
        const T cut = gap > most ? most : gap;
        value = count * (std::expm1(cut) - cut);
      }
      loss += value;
      scores[o] = weight * (mean - count);
    }
    return weight * loss;
  }
};

}  // namespace steepest
