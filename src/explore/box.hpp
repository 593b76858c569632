// SPDX-License-Identifier: Apache-2.0
// Boxes: grids over them, searches within them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "steepest/critical_points.hpp"

namespace steepest {

/// Throws OptionError unless every side is finite and has length.
void require_box(const std::vector<Interval>& box);

/// Throws OptionError unless there are 2 points or more a side, and no more than 1e8 in all.
void require_grid(const std::vector<Interval>& box, std::int64_t points);

/// "[0, 3]" or "[0, 3] x [-1, 1]".
[[nodiscard]] std::string describe(const std::vector<Interval>& box);

/// Point i of [0, intervals] on an evenly spaced grid; both ends exactly.
[[nodiscard]] double grid_value(const Interval& range, std::int64_t i, std::int64_t intervals);

/// Calls `visit` for points^d grid points, the first coordinate changing slowest.
void for_each_grid_point(const std::vector<Interval>& box, std::int64_t points,
                         const std::function<void(const Point&)>& visit);

/// Whether every coordinate is in the box, made larger by `margin` of each side.
[[nodiscard]] bool inside(const std::vector<Interval>& box, const Point& at, double margin);

/// Whether a coordinate is an end of its side.
[[nodiscard]] bool on_edge(const std::vector<Interval>& box, const Point& at);

/// The part of the box within one grid spacing of `at`.
[[nodiscard]] std::vector<Interval> neighbourhood(const std::vector<Interval>& box, const Point& at,
                                                  std::int64_t points);

/// The lowest point of a box with one valley, without derivatives: steps along each axis, both
/// ways, kept when they lead down and halved when none does (compass search: Kolda, Lewis and
/// Torczon 2003).
[[nodiscard]] Point lowest_by_compass(const RealFunction& f, const std::vector<Interval>& box,
                                      Point at);

}  // namespace steepest
