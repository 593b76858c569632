// SPDX-License-Identifier: Apache-2.0
// A step's arithmetic on one tile of rows for a single column under squared loss: scores, losses
// and gradient in one go. CPU only; vector width chosen at run time.
#pragma once

#include <cstdint>

#include "kernels/tile_products.hpp"

namespace steepest::kernels {

/// One column under squared loss: what tile_squared takes and adds to.
template <class T>
struct SquaredColumn {
  const T* weights = nullptr;  ///< (padded)
  T intercept = 0;
  const double* targets = nullptr;      ///< by row index
  const double* row_weights = nullptr;  ///< by row index; null: 1 for every row
  T* gradient = nullptr;                ///< (padded)
  double* residuals = nullptr;          ///< sum_lanes: the residuals are added, see TileScores
  double* loss = nullptr;               ///< sum_lanes, likewise
};

/// Both products of one column under squared loss and the row losses between them, row after row,
/// with the gradient kept in registers. indexes[r] is the row index of rows[r]. The bits are those
/// of tile_scores, tile_residuals and tile_gradient. False, and nothing done, for gradients too
/// long for the registers.
template <class T>
[[nodiscard]] bool tile_squared(const TileRows& tile, const std::int64_t* indexes,
                                SquaredColumn<T>& column);

}  // namespace steepest::kernels
