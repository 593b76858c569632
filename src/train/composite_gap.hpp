// SPDX-License-Identifier: Apache-2.0
// The penalty's and the constraint's share of a duality gap, where they are more than l2.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "steepest/proximal.hpp"

namespace steepest::train {

/// h(B) = l2/2 |B|^2 + l1 |B|_1 over the coefficients allowed, in the scale of training.
struct Composite {
  double l2 = 0.0;
  double l1 = 0.0;
  std::vector<Bound> bounds;    ///< d + 1, or empty: see FeasibleSet
  std::vector<double> simplex;  ///< d, or empty

  /// Whether it is more than an l2 penalty.
  [[nodiscard]] bool is_composite() const {
    return l1 > 0.0 || !bounds.empty() || !simplex.empty();
  }
};

/// An element of a (C, d) array, without intercepts.
using ElementOf = std::function<double(std::int64_t column, std::int64_t feature)>;

/// The largest s in [0, 1] for which fenchel_gap is finite. Below 1 only where l2 is 0 and some
/// coefficients have no bound. `errors`, (d), is what elements of a feature may be off by.
[[nodiscard]] double largest_dual_scale(const Composite& h, std::int64_t columns,
                                        const std::vector<double>& errors,
                                        const ElementOf& gradient);

/// h(W) + s <W, G> + h*(-s G) >= 0, h* the convex conjugate: 0 exactly where -s G is a subgradient
/// of h at W (Fenchel and Young). On a simplex an upper bound, h being linearised at W. The most of
/// it for any G whose elements are within `errors` of those given.
[[nodiscard]] double fenchel_gap(const Composite& h, std::int64_t columns,
                                 const std::vector<double>& errors, double scale,
                                 const ElementOf& weight, const ElementOf& gradient);

}  // namespace steepest::train
