// SPDX-License-Identifier: Apache-2.0
// How far from the optimum a point of a Huber or Poisson regression can be at most.
#pragma once

#include "src/train/certificate.hpp"

namespace steepest::train {

/// Of Huber loss of width delta, with h, any penalty and constraint that keeps the bound finite: l2
/// > 0, l1 > 0 or finite bounds.
///
/// Dual variables u_i, one a row, within [-delta, delta], that sum to 0 over the rows as a free
/// intercept demands, give a gap of mean(l(e_i) + u_i^2 / 2 - u_i e_i) + h(B) + <B, G> + h*(-G), e
/// = y - z, G = -1/n sum_i w_i u_i x_i. Those of the point, u_i = e_i cut to the box, sum to minus
/// the intercept's gradient g_b; u' = (1 - theta) u + theta s delta with s = +-1 sums to 0, and by
/// convexity costs, for every column,
///   theta (L + delta^2 / 2 - s delta (m_y - <B, m>)) + (1 - theta) b g_b
/// with G' = (1 - theta) G - theta s delta m, m and m_y the means of features and target as
/// trained (m_y is 0 beside an intercept). A column's L is bounded by that of all. Where h* is
/// infinite residuals are shrunk as in classifier_gap().
///
/// Scores that are off by e cost e^2 / 2, and theta |u| |e| (u is the loss's derivative, which is
/// 1-Lipschitz); G is known to gradient_errors() and the effect of g_b on theta, at most sqrt(2)
/// times its error.
[[nodiscard]] GapBound huber_gap(const CertifiedPoint& point, double delta);

/// Of Poisson loss, with h as for huber_gap().
///
/// The best intercepts beside the point's coefficients are known: exp(b) times k = m_y / m_mu,
/// means of targets and of predictions, and lower the loss by m_mu - m_y + m_y log k; residuals k
/// mu - y then sum to 0, and with their gradient G' the rest is h(B) + <B, G'> + h*(-G'), which is
/// |l2 B + G'|^2 / (2 l2) for an l2 penalty alone. `gradient_at_zero` is needed.
///
/// Scores that are off by e cost mu (exp(-e) - 1 + k e), at most m_mu (E^2 exp(E) / 2 + |k - 1| E)
/// with E the largest |e|. The mean of |mu - y| is at most sqrt(2/3 L (m_y + 2 m_mu)), by t log t -
/// t + 1 >= 3 (t - 1)^2 / (2 (t + 2)) and Cauchy and Schwarz (Pinsker's inequality for counts), and
/// a feature of size Q that is rounded moves the gradient by so much times u Q.
[[nodiscard]] GapBound poisson_gap(const CertifiedPoint& point);

}  // namespace steepest::train
