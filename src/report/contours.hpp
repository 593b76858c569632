// SPDX-License-Identifier: Apache-2.0
// Lines along which a function of two variables keeps a value.
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace steepest::report {

/// Values on a grid of (columns, rows) points over a box, row-major by y.
struct Grid {
  double low_x = 0.0;
  double high_x = 0.0;
  double low_y = 0.0;
  double high_y = 0.0;
  std::size_t columns = 0;  ///< >= 2
  std::size_t rows = 0;     ///< >= 2
  std::vector<double> values;

  [[nodiscard]] double x(std::size_t column) const;
  [[nodiscard]] double y(std::size_t row) const;
};

using Place = std::pair<double, double>;

/// Segments of the line at `level`, by marching squares (Maple 2003): each crosses one cell, with
/// ends interpolated on its sides. Cells with a corner that is not finite have none.
[[nodiscard]] std::vector<std::pair<Place, Place>> contour(const Grid& grid, double level);

/// Levels that part the grid's finite values into shares of equal count, rising and distinct.
[[nodiscard]] std::vector<double> contour_levels(const Grid& grid, std::size_t count);

}  // namespace steepest::report
