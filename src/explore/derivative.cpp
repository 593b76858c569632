// SPDX-License-Identifier: Apache-2.0
#include "steepest/derivative.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace steepest {
namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr int halvings = 42;  // down to h = 1e-13 of the scale

// A difference quotient for one h, and how much rounding can be in it.
struct Quotient {
  double value = nan;
  double rounding = 0.0;
};

double scale_at(double x) { return std::max(1.0, std::fabs(x)); }

Point moved(Point at, std::int64_t axis, double by) {
  at[static_cast<std::size_t>(axis)] += by;
  return at;
}

double coordinate(const Point& at, std::int64_t axis) { return at[static_cast<std::size_t>(axis)]; }

// Extrapolates quotients of error c h^2 + O(h^4) and keeps the result that is steadiest.
template <class QuotientAt>
Derivative extrapolate(double scale, QuotientAt&& quotient_at) {
  std::vector<Quotient> estimates;
  Quotient wide = quotient_at(scale * 0.5);
  double h = scale * 0.25;
  for (int k = 0; k < halvings; ++k, h *= 0.5) {
    const Quotient narrow = quotient_at(h);
    estimates.push_back({(4.0 * narrow.value - wide.value) / 3.0, narrow.rounding});
    wide = narrow;
  }
  Derivative best{nan, std::numeric_limits<double>::infinity()};
  for (std::size_t k = 1; k + 1 < estimates.size(); ++k) {
    const double here = estimates[k].value;
    const double change = std::max(std::fabs(here - estimates[k - 1].value),
                                   std::fabs(here - estimates[k + 1].value));
    const double error = change + estimates[k].rounding;
    if (std::isfinite(error) && std::isfinite(estimates[k + 1].value) && error < best.error) {
      best = {here, error};
    }
  }
  return best;
}

Quotient central_difference(const RealFunction& f, const Point& at, std::int64_t axis, double h) {
  const Point right = moved(at, axis, h);
  const Point left = moved(at, axis, -h);
  const double above = f(right);
  const double below = f(left);
  const double width = coordinate(right, axis) - coordinate(left, axis);
  return {(above - below) / width, epsilon * (std::fabs(above) + std::fabs(below)) / width};
}

Quotient second_difference(const RealFunction& f, const Point& at, std::int64_t axis, double h) {
  const double above = f(moved(at, axis, h));
  const double below = f(moved(at, axis, -h));
  const double here = f(at);
  return {(above - 2.0 * here + below) / (h * h),
          epsilon * (std::fabs(above) + 2.0 * std::fabs(here) + std::fabs(below)) / (h * h)};
}

Quotient mixed_difference(const RealFunction& f, const Point& at, std::int64_t first,
                          std::int64_t second, double h) {
  double sum = 0.0;
  double size = 0.0;
  for (const double a : {h, -h}) {
    for (const double b : {h, -h}) {
      const double value = f(moved(moved(at, first, a), second, b));
      sum += a * b > 0.0 ? value : -value;
      size += std::fabs(value);
    }
  }
  return {sum / (4.0 * h * h), epsilon * size / (4.0 * h * h)};
}

}  // namespace

Derivative derivative(const RealFunction& f, const Point& at, std::int64_t axis) {
  return extrapolate(scale_at(coordinate(at, axis)),
                     [&](double h) { return central_difference(f, at, axis, h); });
}

Derivative second_derivative(const RealFunction& f, const Point& at, std::int64_t axis) {
  return extrapolate(scale_at(coordinate(at, axis)),
                     [&](double h) { return second_difference(f, at, axis, h); });
}

Point gradient(const RealFunction& f, const Point& at) {
  Point values;
  for (std::size_t axis = 0; axis < at.size(); ++axis) {
    values.push_back(derivative(f, at, static_cast<std::int64_t>(axis)).value);
  }
  return values;
}

std::vector<double> hessian(const RealFunction& f, const Point& at) {
  const std::size_t d = at.size();
  std::vector<double> values(d * d);
  for (std::size_t i = 0; i < d; ++i) {
    const auto first = static_cast<std::int64_t>(i);
    values[i * d + i] = second_derivative(f, at, first).value;
    for (std::size_t j = 0; j < i; ++j) {
      const auto second = static_cast<std::int64_t>(j);
      const double scale = std::max(scale_at(at[i]), scale_at(at[j]));
      const Derivative mixed =
          extrapolate(scale, [&](double h) { return mixed_difference(f, at, first, second, h); });
      values[i * d + j] = mixed.value;
      values[j * d + i] = mixed.value;
    }
  }
  return values;
}

double max_norm(const Point& gradient) {
  double norm = 0.0;
  for (const double value : gradient) {
    norm = std::isnan(value) || std::fabs(value) > norm ? std::fabs(value) : norm;
    if (std::isnan(norm)) {
      break;
    }
  }
  return norm;
}

DerivativeStudy study_derivative(const RealFunction& f, const Point& at, std::int64_t axis) {
  constexpr int smallest_exponent = 16;
  DerivativeStudy study{derivative(f, at, axis), {}};
  const double here = f(at);
  for (int k = 0; k <= smallest_exponent; ++k) {
    const double h = std::pow(10.0, -k);
    const double above = f(moved(at, axis, h));
    const double below = f(moved(at, axis, -h));
    DifferenceRow row{h, (above - here) / h, nan, (above - below) / (2.0 * h), nan};
    row.forward_error = std::fabs(row.forward - study.best.value);
    row.central_error = std::fabs(row.central - study.best.value);
    study.rows.push_back(row);
  }
  return study;
}

}  // namespace steepest
