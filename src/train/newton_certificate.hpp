// SPDX-License-Identifier: Apache-2.0
// How far from the optimum a point of a Huber or Poisson regression can be at most, by its Hessian.
#pragma once

#include "kernels/thread_pool.hpp"
#include "src/train/certificate.hpp"
#include "src/train/hessian.hpp"

namespace steepest::train {

/// A point of a regression on a backend, with no penalty but l2.
struct NewtonPoint {
  const CertifiedPoint& point;
  const HessianRows& rows;
};

/// Residuals r = l'(z) are moved by a Newton step's share, r' = r - h x c with S the mean of h x
/// x^T and (S + l2 I) c = g, the objective's gradient: their products with the features are then
/// -l2 (B
/// - c), those with an intercept 0, and the dual point they are proves
///   gap <= mean(l(z) + l*(r') - r' z) + l2 |c|^2 / 2,
/// g (S + l2 I)^-1 g / 2 and little more, with l2 = 0 too. See dual_correction.hpp for what
/// rounding of features and products does to c; s is the size of score errors.
/// - Huber of width delta: h is 1 where |r| <= 0.95 delta, where l*(r') = r'^2 / 2, else 0. r'
/// times
///   k = delta / (0.95 delta + max |x c|), or 1, is within [-delta, delta]: the gap is at most (1 -
///   k) f + k (s + sqrt(g (S + l2 I)^-1 g))^2 / 2.
/// - Poisson: h is mu. With T = max |x c| < 1/2 and E the largest score error a row costs mu times
///   exp(-e) - 1 + e + v log v - v + 1 + (v - 1) e at v = 1 - x c, at most (|e| + |x c|)^2 / 2
///   times a = max(exp(E), 1 / (1 - T)): the gap is at most a (sqrt(m_mu) E + sqrt(g (S + l2 I)^-1
///   g))^2 / 2.
/// Nothing for other losses, where T is larger, or where features are collinear in rows that count.
/// Costs two reads of the rows with d^2 multiply-adds a row each. `backend`'s bank must be at the
/// point. The same for any number of threads.
[[nodiscard]] GapBound newton_gap(kernels::Backend& backend, const NewtonPoint& newton,
                                  const RowLoss& loss, kernels::ThreadPool& pool);

}  // namespace steepest::train
