// SPDX-License-Identifier: Apache-2.0
// How the tensor-core kernel of the fused engine lies. Functions of the shapes alone.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/rounding.hpp"

namespace steepest::kernels {

/// Warps of a block, columns at most, features and columns of a product, products along the
/// features whose gradients a warp keeps at most, times those along the columns, and shared memory
/// of a block, as of the tile kernel.
inline constexpr std::int64_t tensor_warps = 8;
inline constexpr std::int64_t tensor_columns = 32;
inline constexpr std::int64_t tensor_block_features = 16;
inline constexpr std::int64_t tensor_block_columns = 8;
inline constexpr std::int64_t tensor_blocks = 32;
inline constexpr std::int64_t tensor_bytes = std::int64_t{200} << 10;

/// Counts of 4-byte values.
struct TensorShape {
  std::int64_t rows = 0;          ///< of a tile, a multiple of 8; 0: none fit
  std::int64_t columns = 0;       ///< of the kernel: 8, 16 or 32
  std::int64_t ranks = 1;         ///< blocks of a cluster that share the features: 1, 2, 4 or 8
  std::int64_t blocks = 0;        ///< of 16 features: those of a rank
  std::int64_t held = 0;          ///< of those, a warp's at most: 2, 8, 16 or 32
  std::int64_t slices = 0;        ///< warps that have any
  std::int64_t pitch = 0;         ///< of rows: 4 more than the blocks, so that neighbours lie in
                                  ///< other banks, by rows, and by pairs of rows, and features
  std::int64_t weight_pitch = 0;  ///< words of a column, likewise
  std::int64_t score_pitch = 0;   ///< of a row of scores, likewise
  std::int64_t shared_bytes = 0;
};

/// For `columns` columns over rows of `stride` = d + 1 floats, rounded by tf32 or bf16, of which
/// each of so many ranks keeps a share.
[[nodiscard]] inline TensorShape tensor_shape_of_ranks(std::int64_t ranks, std::int64_t columns,
                                                       std::int64_t stride, Rounding rounding) {
  constexpr std::int64_t padding = 4;
  constexpr std::int64_t most_rows = 64;
  constexpr std::int64_t row_step = 8;
  constexpr std::int64_t value_bytes = 4;
  constexpr std::int64_t both_tiles = 2;
  TensorShape shape;
  shape.columns = columns <= 8 ? 8 : columns <= 16 ? 16 : tensor_columns;
  shape.ranks = ranks;
  const std::int64_t all_blocks = (stride + tensor_block_features - 1) / tensor_block_features;
  shape.blocks = (all_blocks + ranks - 1) / ranks;
  const std::int64_t a_warp = (shape.blocks + tensor_warps - 1) / tensor_warps;
  shape.held = a_warp <= 2 ? 2 : a_warp <= 8 ? 8 : a_warp <= 16 ? 16 : 32;
  if (columns > tensor_columns || rounding == Rounding::none || a_warp > shape.held ||
      shape.held * shape.columns > tensor_blocks * tensor_block_columns) {
    return shape;
  }
  shape.slices = std::min(shape.blocks, tensor_warps);
  const std::int64_t published = ranks > 1 ? 2 : 0;  // copies of the scores, for the other ranks
  const std::int64_t features = shape.blocks * tensor_block_features;
  shape.pitch = features + padding;
  shape.weight_pitch = (rounding == Rounding::bf16 ? features / 2 : features) + padding;
  shape.score_pitch = shape.columns + padding;
  for (std::int64_t rows = most_rows; rows > 0; rows -= row_step) {
    shape.shared_bytes = (shape.columns * shape.weight_pitch + both_tiles * rows * shape.pitch +
                          (shape.slices + published) * rows * shape.score_pitch) *
                         value_bytes;
    if (shape.shared_bytes <= tensor_bytes) {
      shape.rows = rows;
      return shape;
    }
  }
  return shape;
}

/// Of the fewest ranks that take it.
[[nodiscard]] inline TensorShape tensor_shape(std::int64_t columns, std::int64_t stride,
                                              Rounding rounding) {
  constexpr std::int64_t most_ranks = 8;
  TensorShape shape;
  for (std::int64_t ranks = 1; ranks <= most_ranks && shape.rows == 0; ranks *= 2) {
    shape = tensor_shape_of_ranks(ranks, columns, stride, rounding);
  }
  return shape;
}

}  // namespace steepest::kernels
