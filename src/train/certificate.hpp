// SPDX-License-Identifier: Apache-2.0
// How far from the optimum a point can be at most, from what one pass over the rows tells.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernels/backend.hpp"
#include "steepest/proximal.hpp"

namespace steepest::train {

/// The mean loss and its gradient, without penalty, at other parameters: a pass over the rows.
using EvaluateAt = std::function<kernels::LossAndGradient(const std::vector<double>& parameters)>;

/// A point of a model as trained, and what is known there. Arrays are (C, d + 1) row-major,
/// intercepts last in a row.
struct CertifiedPoint {
  std::int64_t columns = 1;   ///< C: score columns
  std::int64_t features = 0;  ///< d
  bool intercept = true;
  double l2 = 0.0;
  double mean_loss = 0.0;
  double penalty = 0.0;         ///< of the parameters
  double rounding = 0.0;        ///< relative error of mean_loss; of gradients of losses of size 1
  double row_rounding = 0.0;    ///< relative error of a feature as it is held
  double score_rounding = 0.0;  ///< error of a score, relative to the sum of its terms' sizes and 1
  std::vector<double> parameters;
  std::vector<double> gradient;  ///< of the mean loss, without the penalty
  std::vector<double>
      gradient_at_zero;  ///< the same where all parameters are 0; for classifiers and counts
  std::vector<double> feature_mean;   ///< d: weighted mean of the features as trained
  std::vector<double> feature_size;   ///< d: weighted quadratic mean of the features as trained
  std::vector<double> feature_reach;  ///< d: the largest of them, by size
  double l1 = 0.0;
  std::vector<Bound> bounds;    ///< (d + 1), or empty: see FeasibleSet
  std::vector<double> simplex;  ///< d, or empty
};

/// Inverse of the Hessian of squared loss with a ridge on its diagonal: see Preconditioner.
struct InverseHessian {
  const std::vector<double>* matrix = nullptr;  ///< (d + 1, d + 1)
  double ridge = 0.0;
};

/// An upper bound on objective - optimum, or why none is known.
struct GapBound {
  std::optional<double> value;
  std::string why_not;
};

/// Of logistic loss (one column) and softmax.
///
/// The bound is the duality gap at probabilities p' = (1 - theta) p + theta q, p those of the point
/// and q the same for every row, chosen so that residuals sum to 0 as the free intercepts demand;
/// theta is as small as that allows, and 0 where the intercepts' gradient is:
///   theta (L + sum_c q_c log q_c - <W, G0>) + (1 - theta) <b, g_b> + |l2 W + G'|^2 / (2 l2)
/// with L the mean loss, G0 the coefficients' gradient at probabilities q, G' = (1 - theta) G +
/// theta G0. Derived from Fenchel duality (docs/math.md). Needs l2 > 0.
///
/// What theta costs is of first order in the intercepts' gradient, all else of second. So where it
/// matters intercepts b' are sought by Broyden's method, a few passes, whose gradient is nearly 0:
/// by convexity the objective at the point is at most <g_b, b - b'> above that at b', and the least
/// bound by way of any b' tried is taken. Without `evaluate`, or beyond 2,000 columns, the point's
/// own is. With h any penalty and constraint, the last term is h(W) + <W, G'> + h*(-G'); where that
/// is infinite (l1 without l2) residuals are shrunk by the largest s for which it is not:
///   (1 - s) L + s (the other terms) + h(W) + <W, s G'> + h*(-s G')
/// because the entropy of p' moved towards the labels is concave.
///
/// p are those of scores that are off by rounded features and sums: such probabilities are as good
/// a dual point, at the price of kappa e^2 / 2, e the error of a row's scores and kappa the
/// curvature of its loss. G is known to gradient_errors() only; the most for any G so near is
/// taken. Added is what rounding can do to terms of either sign: rounding (L + |b|_1 + sum_j |w_j|
/// q_j), q_j the size of feature j, of which the last two are for an intercept.
[[nodiscard]] GapBound classifier_gap(const CertifiedPoint& point, const EvaluateAt& evaluate);

/// Of squared loss: g' H^-1 g / 2, which is the gap itself, where the Hessian was inverted and is
/// not singular to rounding; else, for l2 > 0, |g_B - m g_b|^2 / (2 l2) + g_b^2 / 2 with m the
/// means of the features: the second term is what the intercept could gain, the first bounds the
/// rest.
///
/// With h any penalty and constraint, G the centred gradient g_B - m g_b, R twice the mean loss
/// less sum g_b^2 and s as above: sum g_b^2 / 2 + (1 - s)^2 R / 2 + h(W) + <W, s G> + h*(-s G), the
/// gap of the lasso (Kim et al. 2007). Where a Hessian with smallest eigenvalue mu is known, |v|^2
/// / (2 mu) for the smallest subgradient v, if that is less (mu-strong convexity). What rounding
/// hides of scores and gradients is in all of them: see certificate_rounding.hpp.
[[nodiscard]] GapBound squared_gap(const CertifiedPoint& point,
                                   const std::optional<InverseHessian>& inverse);

}  // namespace steepest::train
