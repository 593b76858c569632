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

/// What a bound without a penalty is made of, at a point of a Huber regression on a backend.
struct HuberPoint {
  kernels::BankPlan bank;  ///< a started one; its `initial` is the point, (C, d + 1)
  std::int64_t rows = 0;   ///< n
  std::int64_t features = 0;
  bool intercept = true;
  double delta = 1.0;
  const std::vector<double>&
      inverse_moment;  ///< of S = 1/n [X 1]^T W [X 1], nearly: (d + 1, d + 1)
};

/// Of Huber loss without a penalty. u_i = y_i - z_i, cut, plus x_i c with S c = G has no product
/// with any feature, so that times k = delta / (delta + max_i |x_i c|) it is a dual point; by
/// concavity the gap is at most
///   L - k (L - <W, G> + <c, m_xy + G> - <c, S c> / 2),    m_xy the mean of target times features.
/// Costs 4 passes a column and starts banks of its own; the last one is `bank` again, at the point.
[[nodiscard]] GapBound unpenalised_huber_gap(kernels::Backend& backend, const HuberPoint& point);

/// Of Poisson loss, for l2 > 0.
///
/// The best intercepts beside the point's coefficients are known: exp(b) times k = m_y / m_mu,
/// means of targets and of predictions, and lower the loss by m_mu - m_y + m_y log k; from there
/// the objective, minimised over the intercepts, is l2-strongly convex in the coefficients, and its
/// gradient there G' bounds what is left by |l2 B + G'|^2 / (2 l2). `gradient_at_zero` is needed
/// with intercepts.
[[nodiscard]] GapBound poisson_gap(const CertifiedPoint& point);

}  // namespace steepest::train
