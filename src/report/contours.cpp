// SPDX-License-Identifier: Apache-2.0
#include "src/report/contours.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace steepest::report {

double Grid::x(std::size_t column) const {
  return low_x + (high_x - low_x) * static_cast<double>(column) / static_cast<double>(columns - 1);
}

double Grid::y(std::size_t row) const {
  return low_y + (high_y - low_y) * static_cast<double>(row) / static_cast<double>(rows - 1);
}

std::vector<std::pair<Place, Place>> contour(const Grid& grid, double level) {
  std::vector<std::pair<Place, Place>> segments;
  const auto value = [&grid](std::size_t column, std::size_t row) {
    return grid.values[row * grid.columns + column];
  };
  for (std::size_t row = 0; row + 1 < grid.rows; ++row) {
    for (std::size_t column = 0; column + 1 < grid.columns; ++column) {
      // Corners in a circle; sides run from each to the next.
      const std::array<std::pair<std::size_t, std::size_t>, 4> corners{
          {{column, row}, {column + 1, row}, {column + 1, row + 1}, {column, row + 1}}};
      std::vector<Place> crossings;
      bool finite = true;
      double middle = 0.0;
      for (const auto& [c, r] : corners) {
        finite = finite && std::isfinite(value(c, r));
        middle += 0.25 * value(c, r);
      }
      for (std::size_t k = 0; finite && k < corners.size(); ++k) {
        const auto [c0, r0] = corners[k];
        const auto [c1, r1] = corners[(k + 1) % corners.size()];
        const double from = value(c0, r0) - level;
        const double to = value(c1, r1) - level;
        if ((from < 0.0) != (to < 0.0)) {
          const double share = from / (from - to);
          crossings.emplace_back(grid.x(c0) + share * (grid.x(c1) - grid.x(c0)),
                                 grid.y(r0) + share * (grid.y(r1) - grid.y(r0)));
        }
      }
      if (crossings.size() == 2) {
        segments.emplace_back(crossings[0], crossings[1]);
      } else if (crossings.size() == 4) {  // a saddle: the middle says which corners are joined
        // Corner 0 lies between sides 3 and 0, corner 1 between sides 0 and 1.
        const bool around_first = (value(column, row) < level) != (middle < level);
        segments.emplace_back(crossings[around_first ? 3 : 0], crossings[around_first ? 0 : 1]);
        segments.emplace_back(crossings[around_first ? 1 : 2], crossings[around_first ? 2 : 3]);
      }
    }
  }
  return segments;
}

std::vector<double> contour_levels(const Grid& grid, std::size_t count) {
  std::vector<double> finite;
  std::copy_if(grid.values.begin(), grid.values.end(), std::back_inserter(finite),
               [](double value) { return std::isfinite(value); });
  std::sort(finite.begin(), finite.end());
  std::vector<double> levels;
  for (std::size_t k = 0; k < count && !finite.empty(); ++k) {
    const double share = (static_cast<double>(k) + 0.5) / static_cast<double>(count);
    const double level =
        finite[static_cast<std::size_t>(share * static_cast<double>(finite.size()))];
    if (level > finite.front() && (levels.empty() || level > levels.back())) {
      levels.push_back(level);
    }
  }
  return levels;
}

}  // namespace steepest::report
