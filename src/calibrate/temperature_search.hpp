// SPDX-License-Identifier: Apache-2.0
// The root of h(u) = log[D / (gbar - D)] - log[c / (gbar - c)], u = log beta, from exact sums.
#pragma once

#include <limits>
#include <optional>
#include <vector>

#include "src/calibrate/calibration_pass.hpp"
#include "src/calibrate/hermite.hpp"

namespace steepest::calibrate {

/// h and its derivative at the nodes seen so far. h falls in u: D(beta) is the mean gap under
/// softmax(beta z), c the labels', gbar the one at beta = 0.
class TemperatureSearch {
 public:
  /// Gaps are means; 0 < label_gap < uniform_gap.
  TemperatureSearch(double label_gap, double uniform_gap)
      : label_gap_(label_gap), uniform_gap_(uniform_gap) {}

  /// `rows` that the sums are over.
  void add(const NodeSums& sums, std::int64_t rows);

  [[nodiscard]] bool bracketed() const { return low_ > -infinity && high_ < infinity; }
  [[nodiscard]] const std::vector<HermitePoint>& points() const { return points_; }

  /// The `count` points next to u.
  [[nodiscard]] std::vector<HermitePoint> nearest(double u, std::size_t count) const;

  /// Where to look next, or the answer: Newton's step from the point with the smallest |h|,
  /// bettered by cubic interpolation with a near neighbour; the bracket's middle where that leaves
  /// it.
  [[nodiscard]] double next() const;

  /// The root of the polynomial through all points, and how far it moves without the farthest.
  struct Root {
    double u = 0.0;
    double error = 0.0;
  };
  /// Empty when the points do not bracket the root.
  [[nodiscard]] std::optional<Root> interpolated() const;

 private:
  static constexpr double infinity = std::numeric_limits<double>::infinity();

  // A step from `from` to u, or to the bracket's middle where it would leave it.
  [[nodiscard]] double inside(double u, double from) const;

  double label_gap_;
  double uniform_gap_;
  double low_ = -infinity;
  double high_ = infinity;
  std::vector<HermitePoint> points_;
};

}  // namespace steepest::calibrate
