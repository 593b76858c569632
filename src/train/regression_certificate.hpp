// SPDX-License-Identifier: Apache-2.0
// How far from the optimum a point of a Huber or Poisson regression can be at most.
#pragma once

#include "src/train/certificate.hpp"

namespace steepest::train {

/// Of Huber loss of width delta, for l2 > 0 and any number of columns.
///
/// Dual variables u_i, one a row, within [-delta, delta], that sum to 0 over the rows as a free
/// intercept demands, give the lower bound 1/n sum_i w_i (u_i y_i - u_i^2 / 2) - |v|^2 / (2 l2), v
/// = 1/n sum_i w_i u_i x_i. Those of the point, u_i = y_i - z_i cut to the box, sum to minus the
/// intercept's gradient g_b; u' = (1 - theta) u + theta s delta with s = +-1 sums to 0, and by
/// concavity costs, for every column,
///   theta (L + delta^2 / 2 - s delta (m_y - <B, m>)) + (1 - theta) b g_b + |l2 B + G'|^2 / (2 l2)
/// with G' = (1 - theta) G - theta s delta m, m and m_y the means of features and target as
/// trained (m_y is 0 beside an intercept). A column's L is bounded by that of all.
[[nodiscard]] GapBound huber_gap(const CertifiedPoint& point, double delta);

/// Of Poisson loss, for l2 > 0.
///
/// The best intercepts beside the point's coefficients are known: exp(b) times k = m_y / m_mu,
/// means of targets and of predictions, and lower the loss by m_mu - m_y + m_y log k; from there
/// the objective, minimised over the intercepts, is l2-strongly convex in the coefficients, and its
/// gradient there G' bounds what is left by |l2 B + G'|^2 / (2 l2). `gradient_at_zero` is needed
/// with intercepts.
[[nodiscard]] GapBound poisson_gap(const CertifiedPoint& point);

}  // namespace steepest::train
