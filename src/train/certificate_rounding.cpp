// SPDX-License-Identifier: Apache-2.0
#include "src/train/certificate_rounding.hpp"

#include <algorithm>
#include <cmath>

namespace steepest::train {

std::vector<double> gradient_errors(const CertifiedPoint& point, double residual) {
  std::vector<double> errors;
  errors.reserve(point.feature_size.size());
  for (const double size : point.feature_size) {
    errors.push_back((point.row_rounding + 2.0 * point.rounding) * size * residual);
  }
  return errors;
}

double score_error(const CertifiedPoint& point) {
  const std::int64_t stride = point.features + 1;
  double squares = 0.0;
  for (std::int64_t c = 0; c < point.columns; ++c) {
    double terms = 0.0;
    for (std::int64_t j = 0; j < point.features; ++j) {
      terms += std::fabs(point.parameters[static_cast<std::size_t>(c * stride + j)]) *
               point.feature_size[static_cast<std::size_t>(j)];
    }
    const double free = std::fabs(point.parameters[static_cast<std::size_t>((c + 1) * stride - 1)]);
    const double error = point.row_rounding * terms + point.score_rounding * (terms + free + 1.0);
    squares += error * error;
  }
  return std::sqrt(squares);
}

double residual_size(const CertifiedPoint& point) { return std::sqrt(2.0 * point.mean_loss); }

CountRounding count_rounding(const CertifiedPoint& point, std::int64_t column, double mean_target,
                             double mean_prediction) {
  const double* const parameters = point.parameters.data() + column * (point.features + 1);
  double terms = 0.0;  // the largest of sum_j |w_j x_ij|
  for (std::int64_t j = 0; j < point.features; ++j) {
    terms += std::fabs(parameters[j]) * point.feature_reach[static_cast<std::size_t>(j)];
  }
  CountRounding hidden;
  hidden.score = point.row_rounding * terms +
                 point.score_rounding * (terms + std::fabs(parameters[point.features]) + 1.0);
  hidden.residual = std::sqrt(2.0 / 3.0 * point.mean_loss * (mean_target + 2.0 * mean_prediction));
  hidden.loss = 0.5 * mean_prediction * hidden.score * hidden.score * std::exp(hidden.score);
  return hidden;
}

double largest_loss(const RowLoss& loss, const CertifiedPoint& point) {
  double most = (1.0 + point.rounding) * point.mean_loss;
  if (!std::holds_alternative<PoissonLoss>(loss)) {
    const double off = score_error(point);
    return most + residual_size(point) * off + 0.5 * off * off;
  }
  for (std::int64_t c = 0; c < point.columns; ++c) {
    const auto intercept = static_cast<std::size_t>((c + 1) * (point.features + 1) - 1);
    const double target = 1.0 - point.gradient_at_zero[intercept];  // all predict 1 at zero
    const CountRounding hidden =
        count_rounding(point, c, target, target + point.gradient[intercept]);
    most += hidden.residual * hidden.score + hidden.loss;
  }
  return most;
}

double euclidean_norm(const std::vector<double>& values) {
  double squares = 0.0;
  for (const double value : values) {
    squares += value * value;
  }
  return std::sqrt(squares);
}

}  // namespace steepest::train
