// SPDX-License-Identifier: Apache-2.0
#include "src/explore/box.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "steepest/error.hpp"

namespace steepest {

void require_box(const std::vector<Interval>& box) {
  for (const Interval& side : box) {
    if (!std::isfinite(side.low) || !std::isfinite(side.high) || !(side.low < side.high)) {
      throw OptionError(
          fmt::format("the interval {}:{} is empty: LO must be below HI", side.low, side.high));
    }
  }
}

void require_grid(const std::vector<Interval>& box, std::int64_t points) {
  constexpr double most = 1e8;
  if (points < 2) {
    throw OptionError(fmt::format("a grid needs at least 2 points a side, not {}", points));
  }
  if (std::pow(static_cast<double>(points), static_cast<double>(box.size())) > most) {
    throw OptionError(fmt::format("a grid of {} points a side is too many: at most {} in all",
                                  points, static_cast<std::int64_t>(most)));
  }
}

std::string describe(const std::vector<Interval>& box) {
  std::string text;
  for (const Interval& side : box) {
    text += fmt::format("{}[{}, {}]", text.empty() ? "" : " x ", side.low, side.high);
  }
  return text;
}

double grid_value(const Interval& range, std::int64_t i, std::int64_t intervals) {
  if (i == intervals) {
    return range.high;
  }
  const double share = static_cast<double>(i) / static_cast<double>(intervals);
  return range.low + (range.high - range.low) * share;
}

void for_each_grid_point(const std::vector<Interval>& box, std::int64_t points,
                         const std::function<void(const Point&)>& visit) {
  std::vector<std::int64_t> index(box.size(), 0);
  Point at(box.size());
  for (;;) {
    for (std::size_t axis = 0; axis < box.size(); ++axis) {
      at[axis] = grid_value(box[axis], index[axis], points - 1);
    }
    visit(at);
    std::size_t axis = box.size();
    while (axis > 0 && ++index[axis - 1] == points) {
      index[--axis] = 0;
    }
    if (axis == 0) {
      return;
    }
  }
}

bool inside(const std::vector<Interval>& box, const Point& at, double margin) {
  for (std::size_t axis = 0; axis < box.size(); ++axis) {
    const double extra = margin * (box[axis].high - box[axis].low);
    if (!(at[axis] >= box[axis].low - extra && at[axis] <= box[axis].high + extra)) {
      return false;
    }
  }
  return true;
}

bool on_edge(const std::vector<Interval>& box, const Point& at) {
  for (std::size_t axis = 0; axis < box.size(); ++axis) {
    if (at[axis] == box[axis].low || at[axis] == box[axis].high) {
      return true;
    }
  }
  return false;
}

std::vector<Interval> neighbourhood(const std::vector<Interval>& box, const Point& at,
                                    std::int64_t points) {
  std::vector<Interval> around;
  for (std::size_t axis = 0; axis < box.size(); ++axis) {
    const double spacing = (box[axis].high - box[axis].low) / static_cast<double>(points - 1);
    around.push_back({std::max(box[axis].low, at[axis] - spacing),
                      std::min(box[axis].high, at[axis] + spacing)});
  }
  return around;
}

Point lowest_by_compass(const RealFunction& f, const std::vector<Interval>& box, Point at) {
  constexpr double smallest_share = 1e-12;
  double value = f(at);
  for (double share = 0.25; share > smallest_share;) {
    bool improved = false;
    for (std::size_t axis = 0; axis < box.size(); ++axis) {
      for (const double sign : {1.0, -1.0}) {
        Point next = at;
        next[axis] = std::clamp(at[axis] + sign * share * (box[axis].high - box[axis].low),
                                box[axis].low, box[axis].high);
        const double there = f(next);
        if (std::isfinite(there) && there < value) {
          at = next;
          value = there;
          improved = true;
        }
      }
    }
    share = improved ? share : share * 0.5;
  }
  return at;
}

}  // namespace steepest
