// SPDX-License-Identifier: Apache-2.0
#include "steepest/projection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "steepest/error.hpp"

namespace steepest {
namespace {

using Values = std::span<const double>;

double clamped_sum(Values v, Values low, Values high, double theta) {
  double sum = 0.0;
  for (std::size_t i = 0; i < v.size(); ++i) {
    sum += std::clamp(v[i] - theta, low[i], high[i]);
  }
  return sum;
}

void require_feasible(Values low, Values high, double total) {
  double least = 0.0;
  double most = 0.0;
  for (std::size_t i = 0; i < low.size(); ++i) {
    if (!(low[i] <= high[i])) {
      throw OptionError(fmt::format("the bounds {}:{} are empty", low[i], high[i]));
    }
    least += low[i];
    most += high[i];
  }
  // Bounds such as 0.1 for ten are met to rounding.
  const double rounding = 1e-12 * (1.0 + std::fabs(total));
  if (least > total + rounding || most < total - rounding) {
    throw OptionError(
        fmt::format("{} numbers within these bounds sum to {:.6g} at least and {:.6g} at "
                    "most, never to {:g}",
                    low.size(), least, most, total));
  }
}

// Where a coordinate leaves its upper bound or reaches its lower one, as theta rises.
std::vector<double> sorted_corners(Values v, Values low, Values high) {
  std::vector<double> corners;
  for (std::size_t i = 0; i < v.size(); ++i) {
    for (const double bound : {low[i], high[i]}) {
      if (std::isfinite(bound)) {
        corners.push_back(v[i] - bound);
      }
    }
  }
  std::sort(corners.begin(), corners.end());
  return corners;
}

// Theta between two neighbouring corners, where the sum is linear.
double solve_between(Values v, Values low, Values high, double total, double left, double right) {
  const double inside = std::isinf(left) && std::isinf(right) ? 0.0
                        : std::isinf(left)                    ? right - 1.0
                        : std::isinf(right)                   ? left + 1.0
                                                              : 0.5 * (left + right);
  double sum = 0.0;
  double free = 0.0;
  for (std::size_t i = 0; i < v.size(); ++i) {
    const double moved = v[i] - inside;
    if (moved > low[i] && moved < high[i]) {
      sum += v[i];
      free += 1.0;
    } else {
      sum += std::clamp(moved, low[i], high[i]);
    }
  }
  return free > 0.0 ? std::clamp((sum - total) / free, left, right) : inside;
}

// The theta with sum_i a_i p_i = total, where p_i is v_i - theta a_i, but not below 0 unless
// is_free(i). Newton's method on a convex, falling function, from a theta no larger than its root.
template <class Free>
double simplex_shift(Values v, Values a, double total, Free is_free) {
  double theta = -std::numeric_limits<double>::infinity();
  for (std::size_t round = 0; round <= v.size(); ++round) {
    double sum = -total;
    double slope = 0.0;
    for (std::size_t i = 0; i < v.size(); ++i) {
      if (is_free(i) || v[i] > theta * a[i]) {
        sum += a[i] * v[i];
        slope += a[i] * a[i];
      }
    }
    const double next = sum / slope;
    if (!(next > theta)) {
      break;
    }
    theta = next;
  }
  return theta;
}

}  // namespace

void project_onto_sum_in_box(std::span<double> v, Values low, Values high, double total) {
  require_feasible(low, high, total);
  const std::vector<double> corners = sorted_corners(v, low, high);
  // The first corner at which the sum is no more than the total.
  const auto right = std::partition_point(corners.begin(), corners.end(), [&](double corner) {
    return clamped_sum(v, low, high, corner) > total;
  });
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const double theta =
      solve_between(v, low, high, total, right == corners.begin() ? -infinity : *(right - 1),
                    right == corners.end() ? infinity : *right);
  for (std::size_t i = 0; i < v.size(); ++i) {
    v[i] = std::clamp(v[i] - theta, low[i], high[i]);
  }
}

void project_onto_simplex(std::span<double> v, double total) {
  if (!(total > 0.0)) {
    throw OptionError(fmt::format("the sum of a simplex must be above 0, not {}", total));
  }
  const std::vector<double> low(v.size(), 0.0);
  const std::vector<double> high(v.size(), std::numeric_limits<double>::infinity());
  project_onto_sum_in_box(v, low, high, total);
}

void project_onto_box(std::span<double> v, Values low, Values high) {
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (!(low[i] <= high[i])) {
      throw OptionError(fmt::format("the bounds {}:{} are empty", low[i], high[i]));
    }
    v[i] = std::clamp(v[i], low[i], high[i]);
  }
}

void project_onto_weighted_simplex(std::span<double> v, std::span<const double> weights,
                                   double total) {
  const double theta = simplex_shift(v, weights, total, [](std::size_t /*i*/) { return false; });
  for (std::size_t i = 0; i < v.size(); ++i) {
    v[i] = std::max(0.0, v[i] - theta * weights[i]);
  }
}

double simplex_subgradient_max(std::span<const double> g, std::span<const double> w,
                               std::span<const double> weights) {
  std::vector<double> downhill(g.size());
  std::transform(g.begin(), g.end(), downhill.begin(), [](double each) { return -each; });
  const auto is_free = [&](std::size_t i) { return w[i] > 0.0; };
  const double theta = simplex_shift(downhill, weights, 0.0, is_free);
  double largest = 0.0;
  for (std::size_t i = 0; i < g.size(); ++i) {
    const double left = downhill[i] - theta * weights[i];
    largest = std::max(largest, is_free(i) ? std::fabs(left) : left);
  }
  return largest;
}

}  // namespace steepest
