// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/hermite.hpp"

namespace steepest::calibrate {

std::pair<double, double> Hermite::shares(std::size_t j, double x) const {
  double lagrange = 1.0;
  double lagrange_slope = 0.0;
  const double at = points_[j].x;
  for (std::size_t k = 0; k < points_.size(); ++k) {
    if (k != j) {
      lagrange *= (x - points_[k].x) / (at - points_[k].x);
      lagrange_slope += 1.0 / (at - points_[k].x);
    }
  }
  const double square = lagrange * lagrange;
  return {(1.0 - 2.0 * lagrange_slope * (x - at)) * square, (x - at) * square};
}

double Hermite::operator()(double x) const {
  double sum = 0.0;
  for (std::size_t j = 0; j < points_.size(); ++j) {
    const auto [value, slope] = shares(j, x);
    sum += value * points_[j].value + slope * points_[j].slope;
  }
  return sum;
}

double Hermite::zero(double low, double high) const {
  constexpr int halvings = 100;
  const bool low_is_positive = (*this)(low) > 0.0;
  for (int i = 0; i < halvings; ++i) {
    const double middle = 0.5 * (low + high);
    ((*this)(middle) > 0.0) == low_is_positive ? low = middle : high = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace steepest::calibrate
