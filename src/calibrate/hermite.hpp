// SPDX-License-Identifier: Apache-2.0
// Interpolation of values and derivatives (Hermite; Davis 1963, "Interpolation and Approximation").
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace steepest::calibrate {

/// Nodes in log beta that are farther apart than this say too little of what is between them.
inline constexpr double node_reach = 0.25;

struct HermitePoint {
  double x = 0.0;
  double value = 0.0;
  double slope = 0.0;
};

/// The polynomial of degree 2 m - 1 through m points of distinct x, with their slopes.
class Hermite {
 public:
  explicit Hermite(std::vector<HermitePoint> points) : points_(std::move(points)) {}

  [[nodiscard]] double operator()(double x) const;

  /// How much point j counts at x: for its value and for its slope.
  [[nodiscard]] std::pair<double, double> shares(std::size_t j, double x) const;

  /// A zero in [low, high], where the signs at the ends differ, by bisection.
  [[nodiscard]] double zero(double low, double high) const;

 private:
  std::vector<HermitePoint> points_;
};

}  // namespace steepest::calibrate
