// SPDX-License-Identifier: Apache-2.0
// The second move: the search space. The nearest point of a constraint's set, in the Euclidean
// norm.
#pragma once

#include <span>

namespace steepest {

/// Replaces v (d numbers, finite) by the nearest w with low_i <= w_i <= high_i and sum w = total.
/// w_i = clamp(v_i - theta, low_i, high_i), where theta makes the sum right; the sum falls
/// piecewise linearly in theta, so its 2 d corners are sorted and searched, and theta solved for
/// between two of them: exact but for rounding, O(d log d) (Held, Wolfe and Crowder 1974; Kiwiel
/// 2008). Bounds may be infinite. Throws OptionError when low > high somewhere, or no point of the
/// box has that sum.
void project_onto_sum_in_box(std::span<double> v, std::span<const double> low,
                             std::span<const double> high, double total);

/// Replaces v by the nearest w with w_i >= 0 and sum w = total > 0 (Duchi et al., ICML 2008).
void project_onto_simplex(std::span<double> v, double total = 1.0);

/// Replaces v by the nearest w with w_i >= 0 and sum_i weights_i w_i = total: w_i = max(0, v_i -
/// theta weights_i), theta found by Newton's method from below on the sum, which is convex and
/// piecewise linear in theta: exact but for rounding after a few rounds of O(d), d at most
/// (Michelot 1986). Weights and total are above 0.
void project_onto_weighted_simplex(std::span<double> v, std::span<const double> weights,
                                   double total = 1.0);

/// How far w, a point of that simplex, is from a minimum of a function whose gradient there is g:
/// the largest element of -g projected onto the directions that lead from w along the simplex, 0
/// where none of them leads down. O(d) a round, likewise.
[[nodiscard]] double simplex_subgradient_max(std::span<const double> g, std::span<const double> w,
                                             std::span<const double> weights);

/// Replaces v by the nearest w with low_i <= w_i <= high_i.
void project_onto_box(std::span<double> v, std::span<const double> low,
                      std::span<const double> high);

}  // namespace steepest
