// SPDX-License-Identifier: Apache-2.0
#include "steepest/critical_points.hpp"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "src/explore/box.hpp"
#include "steepest/derivative.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;
using Symmetric = Eigen::SelfAdjointEigenSolver<Matrix>;

constexpr double epsilon = std::numeric_limits<double>::epsilon();

Matrix hessian_matrix(const RealFunction& f, const Point& at) {
  const auto d = static_cast<Eigen::Index>(at.size());
  const std::vector<double> values = hessian(f, at);
  return Eigen::Map<const Matrix>(values.data(), d, d);
}

Vector as_vector(const Point& point) {
  return Eigen::Map<const Vector>(point.data(), static_cast<Eigen::Index>(point.size()));
}

Point as_point(const Vector& vector) { return {vector.data(), vector.data() + vector.size()}; }

double size_of(const Point& at) { return std::max(1.0, max_norm(at)); }

// Second difference along each axis over half a unit, or as much of it as f is defined on: what a
// curvature is to be compared with.
double curvature_scale(const RealFunction& f, const Point& at) {
  const double here = f(at);
  for (double h = 0.5 * size_of(at); h > epsilon * size_of(at); h *= 0.1) {
    double largest = 0.0;
    for (std::size_t axis = 0; axis < at.size(); ++axis) {
      for (const double step : {h, -h}) {
        Point beside = at;
        beside[axis] += step;
        largest = std::max(largest, std::fabs(f(beside) - here) / (h * h));
      }
    }
    if (std::isfinite(largest)) {
      return largest;
    }
  }
  return 0.0;
}

// f' with what rounding leaves of a zero.
struct Slope {
  double x = 0.0;
  double value = 0.0;
  double error = 0.0;
  [[nodiscard]] bool defined() const { return std::isfinite(value); }
  [[nodiscard]] bool is_zero() const { return defined() && std::fabs(value) <= 4.0 * error; }
};

Slope slope_at(const RealFunction& f, double x) {
  if (!std::isfinite(f({x}))) {
    return {x, std::numeric_limits<double>::quiet_NaN(), 0.0};  // a pole, seen from both sides
  }
  const Derivative found = derivative(f, {x});
  return {x, found.value, found.error};
}

bool change_sign(const Slope& a, const Slope& b) {
  return a.defined() && b.defined() &&
         ((a.value < 0.0 && b.value > 0.0) || (a.value > 0.0 && b.value < 0.0));
}

// A kink keeps its second difference over h; a smooth function loses it with h.
bool has_kink(const RealFunction& f, const Point& at, std::size_t axis) {
  const double here = f(at);
  const auto jump = [&](double h) {
    Point right = at;
    Point left = at;
    right[axis] += h;
    left[axis] -= h;
    return std::fabs(f(right) - 2.0 * here + f(left)) / h;
  };
  const double wide = 1e-4 * size_of(at);
  const double narrow = 1e-5 * size_of(at);
  return jump(narrow) > 0.5 * jump(wide) && jump(narrow) * narrow > 1e3 * epsilon * std::fabs(here);
}

// Of a kink in one variable: both sides higher, both lower, or neither.
CriticalKind kind_of_kink(const RealFunction& f, double x) {
  const double h = 1e-5 * size_of({x});
  const double right = f({x + h}) - f({x});
  const double left = f({x - h}) - f({x});
  if (right > 0.0 && left > 0.0) {
    return CriticalKind::minimum;
  }
  return right < 0.0 && left < 0.0 ? CriticalKind::maximum : CriticalKind::inconclusive;
}

// Close to a level point or a kink f hardly varies; close to a pole or a jump it still does. A side
// where f is not defined says nothing.
bool has_pole(const RealFunction& f, const Point& at, std::size_t axis, double width) {
  const double here = f(at);
  const auto variation = [&](double h) {
    double largest = 0.0;
    for (const double step : {h, -h}) {
      Point beside = at;
      beside[axis] += step;
      const double change = std::fabs(f(beside) - here);
      largest = std::isfinite(change) ? std::max(largest, change) : largest;
    }
    return largest;
  };
  const double near = variation(1e-6 * width);
  return near > 0.01 * variation(width) && near > 1e3 * epsilon * std::fabs(here);
}

// The zero of f' between a and b; nullopt where f' jumps from one infinity to the other.
std::optional<CriticalPoint> bisect(const RealFunction& f, Slope a, Slope b) {
  const double least = std::min(std::fabs(a.value), std::fabs(b.value));
  const double width = b.x - a.x;
  for (;;) {
    const double x = 0.5 * (a.x + b.x);
    if (x <= a.x || x >= b.x) {
      break;
    }
    const Slope middle = slope_at(f, x);
    if (!middle.defined()) {
      return std::nullopt;
    }
    if (middle.value == 0.0) {
      a = b = middle;
      break;
    }
    (change_sign(a, middle) ? b : a) = middle;
  }
  const Slope& root = std::fabs(a.value) < std::fabs(b.value) ? a : b;
  if (!std::isfinite(f({root.x})) || has_pole(f, {root.x}, 0, width)) {
    return std::nullopt;
  }
  if (std::fabs(root.value) > least && !has_kink(f, {root.x}, 0)) {
    return std::nullopt;
  }
  return classify(f, {root.x});
}

// Where |f'| is least between a and b, if that is zero: f' touches and turns back.
std::optional<CriticalPoint> touch(const RealFunction& f, const Slope& a, const Slope& b) {
  constexpr double golden = 0.6180339887498949;
  constexpr double still_zero = 1e-8;
  double low = a.x;
  double high = b.x;
  while (high - low > 4.0 * epsilon * size_of({low})) {
    const double left = high - golden * (high - low);
    const double right = low + golden * (high - low);
    if (std::fabs(slope_at(f, left).value) < std::fabs(slope_at(f, right).value)) {
      high = right;
    } else {
      low = left;
    }
    if (left <= low && right >= high) {
      break;
    }
  }
  const Slope bottom = slope_at(f, 0.5 * (low + high));
  const double beside = std::max(std::fabs(a.value), std::fabs(b.value));
  if (!bottom.defined() || std::fabs(bottom.value) > still_zero * beside + 4.0 * bottom.error) {
    return std::nullopt;
  }
  return classify(f, {bottom.x});
}

std::vector<CriticalPoint> zeros_of_slope(const RealFunction& f, const Interval& range,
                                          std::int64_t samples) {
  std::vector<Slope> slopes;
  for (std::int64_t i = 0; i <= samples; ++i) {
    slopes.push_back(slope_at(f, grid_value(range, i, samples)));
  }
  std::vector<CriticalPoint> found;
  const auto keep = [&](std::optional<CriticalPoint> point) {
    const double apart = 1e-3 * (range.high - range.low) / static_cast<double>(samples);
    if (point && (found.empty() || point->at[0] - found.back().at[0] > apart)) {
      found.push_back(*std::move(point));
    }
  };
  for (std::size_t i = 0; i < slopes.size(); ++i) {
    if (slopes[i].is_zero()) {
      const std::size_t first = i;
      while (i + 1 < slopes.size() && slopes[i + 1].is_zero()) {
        ++i;
      }
      const double x = first == i ? slopes[i].x : 0.5 * (slopes[first].x + slopes[i].x);
      keep(classify(f, {x}));
    } else if (i + 1 < slopes.size() && change_sign(slopes[i], slopes[i + 1])) {
      keep(bisect(f, slopes[i], slopes[i + 1]));
    } else if (i > 0 && i + 1 < slopes.size()) {
      const double here = std::fabs(slopes[i].value);
      const bool dip =
          here < std::fabs(slopes[i - 1].value) && here <= std::fabs(slopes[i + 1].value);
      if (dip && !change_sign(slopes[i - 1], slopes[i]) && !slopes[i + 1].is_zero()) {
        keep(touch(f, slopes[i - 1], slopes[i + 1]));
      }
    }
  }
  return found;
}

// Newton's method on the gradient; nullopt when it leaves the box or does not settle.
std::optional<Point> level_point(const RealFunction& f, const std::vector<Interval>& box,
                                 const Point& start) {
  constexpr int most_steps = 60;
  Vector x = as_vector(start);
  for (int k = 0; k < most_steps; ++k) {
    const Point at = as_point(x);
    const Vector slope = as_vector(gradient(f, at));
    const Matrix curvature = hessian_matrix(f, at);
    if (!slope.allFinite() || !curvature.allFinite() || !inside(box, at, 0.5)) {
      return std::nullopt;
    }
    const Vector step = curvature.completeOrthogonalDecomposition().solve(slope);
    x -= step;
    if (step.lpNorm<Eigen::Infinity>() <= 1e-11 * size_of(at)) {
      const double steepness = 1.0 + curvature.lpNorm<Eigen::Infinity>();
      const bool level = slope.lpNorm<Eigen::Infinity>() <= 1e-8 * steepness * size_of(at);
      return level && inside(box, as_point(x), 1e-12) ? std::optional(as_point(x)) : std::nullopt;
    }
  }
  return std::nullopt;
}

std::vector<CriticalPoint> level_points(const RealFunction& f, const std::vector<Interval>& box) {
  constexpr std::int64_t starts_a_side = 15;
  std::vector<CriticalPoint> found;
  for_each_grid_point(box, starts_a_side, [&](const Point& start) {
    const std::optional<Point> level = level_point(f, box, start);
    const bool known =
        level && std::any_of(found.begin(), found.end(), [&](const CriticalPoint& other) {
          return (as_vector(other.at) - as_vector(*level)).lpNorm<Eigen::Infinity>() <=
                 1e-5 * size_of(*level);
        });
    if (level && !known && std::isfinite(f(*level))) {
      found.push_back(classify(f, *level));
    }
  });
  std::sort(found.begin(), found.end(),
            [](const CriticalPoint& a, const CriticalPoint& b) { return a.at < b.at; });
  return found;
}

void require_defined_somewhere(const RealFunction& f, const std::vector<Interval>& box,
                               std::int64_t points) {
  bool defined = false;
  for_each_grid_point(box, points,
                      [&](const Point& at) { defined = defined || std::isfinite(f(at)); });
  if (!defined) {
    throw InputError(fmt::format("the function is not a finite number at any of {} points of {}",
                                 points, describe(box)));
  }
}

}  // namespace

std::string_view name(CriticalKind kind) {
  switch (kind) {
    case CriticalKind::minimum:
      return "minimum";
    case CriticalKind::maximum:
      return "maximum";
    case CriticalKind::saddle:
      return "saddle";
    case CriticalKind::inconclusive:
      return "inconclusive";
  }
  return "inconclusive";
}

CriticalPoint classify(const RealFunction& f, const Point& at) {
  constexpr double counts_as_zero = 1e-6;
  CriticalPoint point{at, f(at), CriticalKind::inconclusive, true, {}};
  for (std::size_t axis = 0; axis < at.size() && point.smooth; ++axis) {
    point.smooth = !has_kink(f, at, axis);
  }
  if (!point.smooth) {
    point.kind = at.size() == 1 ? kind_of_kink(f, at[0]) : CriticalKind::inconclusive;
    return point;
  }
  const Matrix curvature = hessian_matrix(f, at);
  if (!curvature.allFinite()) {
    return point;
  }
  const Vector eigenvalues = Symmetric(curvature, Eigen::EigenvaluesOnly).eigenvalues();
  point.curvatures = as_point(eigenvalues);
  const double threshold = counts_as_zero * curvature_scale(f, at);
  if (eigenvalues.cwiseAbs().minCoeff() <= threshold) {
    return point;
  }
  point.kind = eigenvalues.minCoeff() > 0.0   ? CriticalKind::minimum
               : eigenvalues.maxCoeff() < 0.0 ? CriticalKind::maximum
                                              : CriticalKind::saddle;
  return point;
}

std::vector<CriticalPoint> critical_points(const RealFunction& f, const std::vector<Interval>& box,
                                           std::int64_t samples) {
  require_box(box);
  if (box.size() == 1) {
    require_defined_somewhere(f, box, samples + 1);
    return zeros_of_slope(f, box.front(), samples);
  }
  require_defined_somewhere(f, box, 101);
  return level_points(f, box);
}

std::optional<CriticalPoint> nearest_minimum(const RealFunction& f, Point start) {
  constexpr int most_steps = 300;
  constexpr double far = 1e9;
  double value = f(start);
  for (int k = 0; k < most_steps && std::isfinite(value) && size_of(start) < far; ++k) {
    const Vector slope = as_vector(gradient(f, start));
    const Matrix curvature = hessian_matrix(f, start);
    if (!slope.allFinite() || !curvature.allFinite()) {
      return std::nullopt;
    }
    const Symmetric eigen(curvature);
    const Vector positive = eigen.eigenvalues().cwiseAbs().cwiseMax(1e-12);
    const Matrix& basis = eigen.eigenvectors();
    Vector step = -(basis * (basis.transpose() * slope).cwiseQuotient(positive));
    const double longest = 0.25 * size_of(start);
    if (step.norm() <= 1e-9 * size_of(start) && eigen.eigenvalues().minCoeff() < 0.0) {
      step = basis.col(0) * (0.1 * longest);  // on a top or a saddle: leave it downhill
    }
    step *= std::min(1.0, longest / std::max(step.norm(), epsilon));
    bool moved = false;
    for (double share = 1.0; share > epsilon && !moved; share *= 0.5) {
      const Point next = as_point(as_vector(start) + share * step);
      const double there = f(next);
      moved = there < value && next != start;
      if (moved) {
        start = next;
        value = there;
      }
    }
    if (!moved) {
      // Values can tell no more; one step on the slope alone is exact to rounding.
      const Point last = as_point(as_vector(start) + step);
      const bool closer = max_norm(gradient(f, last)) < slope.lpNorm<Eigen::Infinity>() &&
                          step.norm() <= 1e-6 * size_of(start);
      CriticalPoint found = classify(f, closer ? last : start);
      return found.kind == CriticalKind::minimum ? std::optional(found) : std::nullopt;
    }
  }
  return std::nullopt;
}

ScanResult scan(const RealFunction& f, const std::vector<Interval>& box, std::int64_t points) {
  require_box(box);
  require_grid(box, points);
  ScanResult result;
  result.grid_value = std::numeric_limits<double>::infinity();
  for_each_grid_point(box, points, [&](const Point& at) {
    const double value = f(at);
    ++result.evaluated;
    result.undefined += std::isfinite(value) ? 0 : 1;
    if (std::isfinite(value) && value < result.grid_value) {
      result.grid_value = value;
      result.grid_point = at;
    }
  });
  if (result.grid_point.empty()) {
    throw InputError(fmt::format("the function is not a finite number at any of {} points of {}",
                                 result.evaluated, describe(box)));
  }
  const std::vector<Interval> around = neighbourhood(box, result.grid_point, points);
  result.at = lowest_by_compass(f, around, result.grid_point);
  result.value = f(result.at);
  const std::optional<CriticalPoint> polished = nearest_minimum(f, result.at);
  const double rounding = 8.0 * epsilon * std::max(std::fabs(result.value), 1e-300);
  if (polished && inside(around, polished->at, 0.0) && polished->value <= result.value + rounding) {
    result.at = polished->at;
    result.value = polished->value;
  }
  result.on_edge = on_edge(box, result.at);
  for (std::size_t axis = 0; axis < box.size() && result.value < result.grid_value; ++axis) {
    const double width = around[axis].high - around[axis].low;
    result.discontinuous = result.discontinuous || has_pole(f, result.at, axis, width);
  }
  return result;
}

}  // namespace steepest
