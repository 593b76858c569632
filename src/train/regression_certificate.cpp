// SPDX-License-Identifier: Apache-2.0
#include "src/train/regression_certificate.hpp"

#include <cmath>

namespace steepest::train {
namespace {

constexpr const char* needs_penalty =
    "without a penalty (--l2 0) no bound on the distance to the optimum holds for this loss";

}  // namespace

GapBound huber_gap(const CertifiedPoint& point, double delta) {
  if (!(point.l2 > 0.0)) {
    return {std::nullopt, needs_penalty};
  }
  const auto stride = static_cast<std::size_t>(point.features + 1);
  double bound = 0.0;
  for (std::size_t c = 0; c < static_cast<std::size_t>(point.columns); ++c) {
    const double* const weights = point.parameters.data() + c * stride;
    const double* const gradient = point.gradient.data() + c * stride;
    const double free = point.intercept ? gradient[stride - 1] : 0.0;
    const double theta = std::fabs(free) / (std::fabs(free) + delta);
    const double fill = std::copysign(delta, free);  // s delta
    double along = 0.0;                              // <B, m>
    double squares = 0.0;
    for (std::size_t j = 0; j + 1 < stride; ++j) {
      const double mean = point.feature_mean[j];
      const double left = point.l2 * weights[j] + (1.0 - theta) * gradient[j] - theta * fill * mean;
      along += weights[j] * mean;
      squares += left * left;
    }
    bound += theta * (point.mean_loss + delta * delta / 2.0 + fill * along) +
             (1.0 - theta) * weights[stride - 1] * free + squares / (2.0 * point.l2);
  }
  double size = point.mean_loss;
  for (std::size_t c = 0; c < static_cast<std::size_t>(point.columns); ++c) {
    size += delta * std::fabs(point.parameters[(c + 1) * stride - 1]);
  }
  return {std::fmax(0.0, bound) + point.rounding * size, ""};
}

GapBound poisson_gap(const CertifiedPoint& point) {
  if (!(point.l2 > 0.0)) {
    return {std::nullopt, needs_penalty};
  }
  const auto stride = static_cast<std::size_t>(point.features + 1);
  double bound = 0.0;
  for (std::size_t c = 0; c < static_cast<std::size_t>(point.columns); ++c) {
    const double* const weights = point.parameters.data() + c * stride;
    const double* const gradient = point.gradient.data() + c * stride;
    double factor = 1.0;
    const double* start = nullptr;
    if (point.intercept) {
      start = point.gradient_at_zero.data() + c * stride;
      const double wanted = 1.0 - start[stride - 1];  // mean target: all predict 1 at zero
      const double found = wanted + gradient[stride - 1];
      factor = wanted / found;
      bound += found - wanted + wanted * std::log(factor);
    }
    for (std::size_t j = 0; j + 1 < stride; ++j) {
      double slope = gradient[j];
      if (point.intercept) {
        const double products = point.feature_mean[j] - start[j];  // mean of target times feature
        slope = factor * (gradient[j] + products) - products;
      }
      const double left = point.l2 * weights[j] + slope;
      bound += left * left / (2.0 * point.l2);
    }
  }
  return {std::fmax(0.0, bound) + point.rounding * (1.0 + point.mean_loss), ""};
}

}  // namespace steepest::train
