// SPDX-License-Identifier: Apache-2.0
// What rounding hides of a point's gradient and scores from its certificate.
#pragma once

#include <cstdint>
#include <vector>

#include "src/train/certificate.hpp"
#include "steepest/objective.hpp"

namespace steepest::train {

/// What the derivatives by a feature's coefficients in all columns, (d), may be off by in the
/// 2-norm, where residuals, over rows and columns, have the quadratic mean `residual`. A feature of
/// quadratic mean q that is rounded by u, in sums known to r, gives (u + 2 r) q times the residual
/// at most (Cauchy and Schwarz); r twice, because of the intercept's gradient that is taken out of
/// it.
[[nodiscard]] std::vector<double> gradient_errors(const CertifiedPoint& point, double residual);

/// Root of the mean over rows of |e_i|^2, e_i the error of the row's C scores: by rounded features,
/// and by the sum over them (Minkowski).
[[nodiscard]] double score_error(const CertifiedPoint& point);

/// sqrt(2 L), L the mean loss: quadratic mean over rows of residuals z - y of squared loss, by
/// definition, and at most of p - t of classifiers (Pinsker: |p - t|_1^2 / 2 <= the loss).
[[nodiscard]] double residual_size(const CertifiedPoint& point);

/// What the mean loss is at most, whatever rounding hides of scores: a loss of slope r there and
/// curvature 1 or less grows by |r| e + e^2 / 2, Poisson's by more (see poisson_gap()).
[[nodiscard]] double largest_loss(const RowLoss& loss, const CertifiedPoint& point);

/// Poisson loss of one column: what rounding hides at a point of mean target m_y and mean
/// prediction m_mu.
struct CountRounding {
  double score = 0.0;     ///< E: the largest error of a score
  double residual = 0.0;  ///< the mean of |mu - y|, at most
  double loss = 0.0;      ///< m_mu E^2 exp(E) / 2
};
[[nodiscard]] CountRounding count_rounding(const CertifiedPoint& point, std::int64_t column,
                                           double mean_target, double mean_prediction);

[[nodiscard]] double euclidean_norm(const std::vector<double>& values);

}  // namespace steepest::train
