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

double euclidean_norm(const std::vector<double>& values) {
  double squares = 0.0;
  for (const double value : values) {
    squares += value * value;
  }
  return std::sqrt(squares);
}

}  // namespace steepest::train
