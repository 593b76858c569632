// SPDX-License-Identifier: Apache-2.0
// Seeded random numbers by counter: number i is the same whatever was drawn before.
#pragma once

#include <cstdint>
#include <vector>

#include "steepest/critical_points.hpp"
#include "steepest/shuffle.hpp"

namespace steepest {

/// Uniform in [0, 1), of 53 bits.
inline double uniform_at(std::uint64_t seed, std::int64_t counter, std::int64_t index) {
  const std::uint64_t bits = scramble(
      scramble(scramble(seed + 0x9e3779b97f4a7c15ULL) + static_cast<std::uint64_t>(counter)) +
      static_cast<std::uint64_t>(index));
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

/// Uniform in a box.
inline Point point_at(std::uint64_t seed, std::int64_t counter, const std::vector<Interval>& box) {
  Point at;
  for (std::size_t axis = 0; axis < box.size(); ++axis) {
    const double share = uniform_at(seed, counter, static_cast<std::int64_t>(axis));
    at.push_back(box[axis].low + share * (box[axis].high - box[axis].low));
  }
  return at;
}

}  // namespace steepest
