// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/temperature_search.hpp"

#include <algorithm>
#include <cmath>

namespace steepest::calibrate {

void TemperatureSearch::add(const NodeSums& sums, std::int64_t rows) {
  const auto n = static_cast<double>(rows);
  const double gap = sums.mean_gap / n / sums.beta;
  (gap > label_gap_ ? low_ : high_) =
      gap > label_gap_ ? std::max(low_, sums.u) : std::min(high_, sums.u);
  const double rest = uniform_gap_ - gap;
  const double value = std::log(gap / rest) - std::log(label_gap_ / (uniform_gap_ - label_gap_));
  const double slope = -sums.variance / n / sums.beta * uniform_gap_ / (gap * rest);
  const bool is_new = std::none_of(points_.begin(), points_.end(),
                                   [&](const HermitePoint& point) { return point.x == sums.u; });
  if (is_new && std::isfinite(value) && std::isfinite(slope) && slope < 0.0) {
    points_.push_back({sums.u, value, slope});
  }
}

std::vector<HermitePoint> TemperatureSearch::nearest(double u, std::size_t count) const {
  std::vector<HermitePoint> points = points_;
  std::sort(points.begin(), points.end(), [u](const HermitePoint& a, const HermitePoint& b) {
    return std::fabs(a.x - u) < std::fabs(b.x - u);
  });
  points.resize(std::min(count, points.size()));
  return points;
}

double TemperatureSearch::inside(double u, double from) const {
  constexpr double stride = 1.5;
  constexpr double rounding = 1e-6;
  if (u > low_ + rounding && u < high_ - rounding) {
    return u;
  }
  if (std::fabs(u - from) < rounding) {  // not a step back to an end seen before: it has arrived
    return std::clamp(u, low_, high_);
  }
  return bracketed() ? 0.5 * (low_ + high_) : low_ > -infinity ? low_ + stride : high_ - stride;
}

double TemperatureSearch::next() const {
  constexpr double longest_step = 3.0;
  constexpr double neighbourhood = 0.5;
  if (points_.empty()) {
    return inside(infinity, 0.0);
  }
  const HermitePoint best = *std::min_element(points_.begin(), points_.end(),
                                              [](const HermitePoint& a, const HermitePoint& b) {
                                                return std::fabs(a.value) < std::fabs(b.value);
                                              });
  const double step = std::clamp(-best.value / best.slope, -longest_step, longest_step);
  const double newton = best.x + step;
  const std::vector<HermitePoint> two = nearest(newton, 2);
  if (two.size() == 2 && std::fabs(two[1].x - newton) < neighbourhood) {
    const Hermite cubic(two);
    const double low = newton - std::fabs(step);
    const double high = newton + std::fabs(step);
    if (cubic(low) > 0.0 && cubic(high) < 0.0) {
      return inside(cubic.zero(low, high), best.x);
    }
  }
  return inside(newton, best.x);
}

std::optional<TemperatureSearch::Root> TemperatureSearch::interpolated() const {
  constexpr std::size_t most_points = 12;
  const auto seen = [this](double u) {
    return std::any_of(points_.begin(), points_.end(),
                       [u](const HermitePoint& point) { return point.x == u; });
  };
  if (!bracketed() || !seen(low_) || !seen(high_)) {
    return std::nullopt;
  }
  const std::vector<HermitePoint> used = nearest(0.5 * (low_ + high_), most_points);
  const double root = Hermite(used).zero(low_, high_);
  const double without = Hermite(nearest(root, used.size() - 1)).zero(low_, high_);
  return Root{root, std::fabs(root - without)};
}

}  // namespace steepest::calibrate
