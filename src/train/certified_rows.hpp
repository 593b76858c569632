// SPDX-License-Identifier: Apache-2.0
// How certificates look at the point they are about.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "src/train/certificate.hpp"
#include "src/train/composite_gap.hpp"

namespace steepest::train {

/// Views of a row of a (C, d + 1) array.
struct ParameterRows {
  const std::vector<double>& values;
  std::int64_t stride;

  [[nodiscard]] double coefficient(std::int64_t column, std::int64_t feature) const {
    return values[static_cast<std::size_t>(column * stride + feature)];
  }
  [[nodiscard]] double intercept(std::int64_t column) const {
    return coefficient(column, stride - 1);
  }
};

inline Composite composite_of(const CertifiedPoint& point) {
  return {point.l2, point.l1, point.bounds, point.simplex};
}

inline bool has_finite_bounds(const CertifiedPoint& point) {
  return !point.simplex.empty() ||
         (!point.bounds.empty() &&
          std::all_of(point.bounds.begin(), point.bounds.end() - 1, [](const Bound& bound) {
            return std::isfinite(bound.low) && std::isfinite(bound.high);
          }));
}

}  // namespace steepest::train
