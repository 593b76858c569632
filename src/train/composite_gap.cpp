// SPDX-License-Identifier: Apache-2.0
#include "src/train/composite_gap.hpp"

#include <algorithm>
#include <cmath>

namespace steepest::train {
namespace {

Bound bound_of(const Composite& h, std::int64_t feature) {
  return h.bounds.empty() ? Bound{} : h.bounds[static_cast<std::size_t>(feature)];
}

// sup over b within the bound of u b - l2/2 b^2 - l1 |b|.
double conjugate(const Composite& h, const Bound& bound, double u) {
  double b = 0.0;
  if (h.l2 > 0.0) {
    b = proximal_point(u / h.l2, h.l1 / h.l2, bound);
  } else if (std::fabs(u) > h.l1) {
    b = u > 0.0 ? bound.high : bound.low;
  } else {
    b = std::clamp(0.0, bound.low, bound.high);
  }
  // Rounding may put u beyond l1 by a little where b has no end: the scale was chosen for that.
  if (!std::isfinite(b)) {
    b = std::clamp(0.0, bound.low, bound.high);
  }
  return u * b - 0.5 * h.l2 * b * b - h.l1 * std::fabs(b);
}

double simplex_gap(const Composite& h, const std::vector<double>& errors, std::int64_t column,
                   const ElementOf& weight, const ElementOf& gradient) {
  double along = 0.0;
  double least = unbounded;
  for (std::size_t j = 0; j < errors.size(); ++j) {
    const double w = weight(column, static_cast<std::int64_t>(j));
    const double slope = gradient(column, static_cast<std::int64_t>(j)) + h.l2 * w + h.l1;
    along += w * slope + std::fabs(w) * errors[j];
    least = std::min(least, (slope - errors[j]) / h.simplex[j]);
  }
  return along - least;
}

}  // namespace

double largest_dual_scale(const Composite& h, std::int64_t columns,
                          const std::vector<double>& errors, const ElementOf& gradient) {
  double scale = 1.0;
  if (h.l2 > 0.0 || !h.simplex.empty()) {
    return scale;
  }
  for (std::int64_t c = 0; c < columns; ++c) {
    for (std::int64_t j = 0; j < std::ssize(errors); ++j) {
      const Bound bound = bound_of(h, j);
      for (const double side : {-1.0, 1.0}) {
        const double u = -gradient(c, j) + side * errors[static_cast<std::size_t>(j)];
        const bool has_end = std::isfinite(u > 0.0 ? bound.high : bound.low);
        if (!has_end && std::fabs(u) > h.l1) {
          scale = std::min(scale, h.l1 / std::fabs(u));
        }
      }
    }
  }
  return scale;
}

double fenchel_gap(const Composite& h, std::int64_t columns, const std::vector<double>& errors,
                   double scale, const ElementOf& weight, const ElementOf& gradient) {
  double gap = 0.0;
  for (std::int64_t c = 0; c < columns; ++c) {
    if (!h.simplex.empty()) {
      gap += simplex_gap(h, errors, c, weight, gradient);
      continue;
    }
    for (std::int64_t j = 0; j < std::ssize(errors); ++j) {
      const double w = weight(c, j);
      const double error = scale * errors[static_cast<std::size_t>(j)];
      const auto along = [&](double g) { return w * g + conjugate(h, bound_of(h, j), -g); };
      const double g = scale * gradient(c, j);
      gap += 0.5 * h.l2 * w * w + h.l1 * std::fabs(w) +
             std::max(along(g - error), along(g + error));  // convex in g
    }
  }
  return gap;
}

}  // namespace steepest::train
