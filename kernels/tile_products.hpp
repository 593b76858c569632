// SPDX-License-Identifier: Apache-2.0
// The two products of a step on one tile of rows, small enough to stay in cache between them:
// scores Z = X W + b, and gradient G += X^T R. CPU only; vector width chosen at run time.
#pragma once

#include <cstdint>

namespace steepest::kernels {

/// Coefficients of every column, laid out for vector loads: (columns, padded) row-major, where
/// elements past the d features are zero.
template <class T>
struct PaddedColumns {
  T* values = nullptr;
  std::int64_t columns = 0;
  std::int64_t padded = 0;
};

/// The smallest row length for PaddedColumns: a multiple of the widest vector, at least d.
[[nodiscard]] constexpr std::int64_t padded_length(std::int64_t features) {
  constexpr std::int64_t widest = 16;
  return (features + widest - 1) / widest * widest;
}

/// Rows of a tile.
struct TileRows {
  /// `count` pointers to `features` floats each, with padded_length(features) - features readable
  /// finite floats after every row.
  const float* const* rows = nullptr;

  /// What will be read next: `count` pointers, or null. Caches are asked for them meanwhile, half
  /// by tile_scores and half by tile_gradient, or all by tile_gradient where weights are many.
  const float* const* next = nullptr;

  std::int64_t count = 0;
  std::int64_t features = 0;
};

/// scores[c * pitch + r] = intercepts[c] + sum_j rows[r][j] * weights(c, j), summed in T.
/// Deterministic: the order of a sum depends on d and the vector width only, so that a row has the
/// same score whatever rows and columns stand beside it.
template <class T>
void tile_scores(const TileRows& tile, const PaddedColumns<const T>& weights, const T* intercepts,
                 std::int64_t pitch, T* scores);

/// gradient(c, j) += sum_r residuals[c * pitch + r] * rows[r][j], rows in order. Elements of
/// `gradient` past the d features receive rubbish. An element has the same bits whatever columns
/// stand beside it, and however rows are cut into tiles.
template <class T>
void tile_gradient(const TileRows& tile, const T* residuals, std::int64_t pitch,
                   const PaddedColumns<T>& gradient);

/// The instruction set the products run on, e.g. "AVX3" (Highway's name for AVX-512).
[[nodiscard]] const char* vector_instruction_set();

}  // namespace steepest::kernels
