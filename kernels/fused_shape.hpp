// SPDX-License-Identifier: Apache-2.0
// What the fused engine can take, and how it cuts a pass. Functions of the shapes alone, never of
// the GPU, so that results are the same on all of one kind.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "kernels/bank.hpp"
#include "kernels/row_chunks.hpp"
#include "kernels/tensor_shape.hpp"

namespace steepest::kernels {

/// Bytes that a thread loads at once.
inline constexpr std::int64_t vector_bytes = 16;

/// The strip kernel: threads of a block, vectors that a thread holds of a row at most, and columns
/// whose parameters and gradients it keeps in registers beside the row.
inline constexpr int strip_threads = 256;
inline constexpr std::int64_t strip_vectors = 4;
inline constexpr std::int64_t strip_columns = 4;

/// Whether the registers of a thread hold the parameters and gradients of `columns` columns of the
/// strip kernel beside `vectors` vectors of a row.
[[nodiscard]] constexpr bool strip_registers_hold(std::int64_t vectors, std::int64_t columns,
                                                  std::int64_t value_bytes) {
  return vectors * columns * value_bytes <= 64;
}

/// The tile kernel: threads of a block, columns at most, rows and columns whose scores a thread
/// adds up side by side, 4-byte registers of a thread for its gradient, and shared memory of a
/// block, of the 227 KB of sm_90, for parameters, two tiles and scores.
inline constexpr int tile_threads = 256;
inline constexpr std::int64_t tile_columns = 32;
inline constexpr std::int64_t tile_block_rows = 2;
inline constexpr std::int64_t tile_block_columns = 4;
inline constexpr std::int64_t tile_registers = 128;
inline constexpr std::int64_t tile_features = 8;  ///< of a thread at most
inline constexpr std::int64_t tile_bytes = std::int64_t{200} << 10;

static_assert(tensor_columns == tile_columns);

/// What these kernels declare by themselves: rows of a partition, and losses of their threads.
inline constexpr std::int64_t tile_declared_bytes = 8 * (most_partition_rows + tile_threads);

/// Partitions of a pass that the update adds up by itself; more are folded into one before.
inline constexpr std::int64_t most_unfolded_partitions = 64;

/// Partitions of a chunk.
inline constexpr std::int64_t most_fused_partitions = 1024;

/// How the tile kernel lies. Counts of values of the arithmetic unless said otherwise.
struct TileShape {
  std::int64_t rows = 0;           ///< of a tile; 0: no two rows fit beside the parameters
  std::int64_t columns = 0;        ///< of the kernel: 8, 12, 16 or 32
  std::int64_t features = 0;       ///< of a thread in the gradient: 1, 2, 4 or 8
  std::int64_t feature_lanes = 0;  ///< threads side by side there: a power of two
  std::int64_t pitch = 0;          ///< of rows and parameters: an odd number of vectors, so that
                                   ///< neighbours lie in other banks
  std::int64_t score_pitch = 0;
  std::int64_t slices = 0;       ///< of the features, whose parts of a score are added up
  std::int64_t tile_values = 0;  ///< of both tiles, where gradients are added up at the end
  std::int64_t shared_bytes = 0;
};

/// The smallest power of two that is `value` or more.
[[nodiscard]] inline std::int64_t power_of_two_from(std::int64_t value) {
  std::int64_t power = 1;
  while (power < value) {
    power *= 2;
  }
  return power;
}

/// For `columns` columns over rows of `pitch` values.
[[nodiscard]] inline TileShape tile_shape(std::int64_t columns, std::int64_t pitch,
                                          std::int64_t value_bytes) {
  constexpr std::int64_t most_rows = 64;
  constexpr std::int64_t kernel_columns[] = {8, 12, 16, tile_columns};
  const std::int64_t width = vector_bytes / value_bytes;
  const std::int64_t vectors = pitch / width;
  TileShape shape;
  shape.columns = *std::find_if(std::begin(kernel_columns), std::end(kernel_columns) - 1,
                                [columns](std::int64_t have) { return have >= columns; });
  shape.features = power_of_two_from((pitch + tile_threads - 1) / tile_threads);
  if (columns > tile_columns || shape.features > tile_features ||
      shape.features * shape.columns * value_bytes > tile_registers * 4) {
    return shape;
  }
  shape.feature_lanes = power_of_two_from((pitch + shape.features - 1) / shape.features);
  shape.pitch = (vectors % 2 == 0 ? vectors + 1 : vectors) * width;
  shape.score_pitch = shape.columns + width;
  for (std::int64_t rows = most_rows; rows > 0; rows -= tile_block_rows) {
    const std::int64_t blocks = rows / tile_block_rows * (shape.columns / tile_block_columns);
    shape.slices = std::min(power_of_two_from(tile_threads / blocks + 1) / 2, vectors);
    shape.tile_values =
        std::max<std::int64_t>(2 * rows * shape.pitch, tile_threads * tile_block_columns);
    shape.shared_bytes = (shape.columns * shape.pitch + shape.tile_values +
                          shape.slices * rows * shape.score_pitch) *
                         value_bytes;
    if (shape.shared_bytes <= tile_bytes) {
      shape.rows = rows;
      return shape;
    }
  }
  return shape;
}

/// Which kernel reads a bank's rows, and how many models share a read.
struct FusedShape {
  enum class Kernel { none, strip, tile, tensor } kernel = Kernel::none;
  std::int64_t group_models = 0;  ///< models a block steps together
};

/// `pitch` is that of the rows, `value_bytes` the size of a value, 4 where products are rounded.
/// Kernel::none: it cannot. What the strip kernel takes waits for memory alone, so that nothing is
/// rounded there.
[[nodiscard]] inline FusedShape fused_shape(const BankShape& shape, std::int64_t pitch,
                                            std::int64_t value_bytes,
                                            Rounding rounding = Rounding::none) {
  const std::int64_t held = power_of_two_from(
      (pitch * value_bytes + strip_threads * vector_bytes - 1) / (strip_threads * vector_bytes));
  std::int64_t in_strip =
      held <= strip_vectors ? std::min(shape.models, strip_columns / shape.outputs) : 0;
  while (in_strip > 0 &&
         !strip_registers_hold(held, power_of_two_from(in_strip * shape.outputs), value_bytes)) {
    --in_strip;
  }
  for (std::int64_t in_tile = std::min(shape.models, tile_columns / shape.outputs);
       in_tile > in_strip; --in_tile) {
    const std::int64_t columns = in_tile * shape.outputs;
    if (rounding != Rounding::none) {
      if (tensor_shape(columns, shape.stride(), rounding).rows > 0) {
        return {FusedShape::Kernel::tensor, in_tile};
      }
    } else if (tile_shape(columns, pitch, value_bytes).rows > 0) {
      return {FusedShape::Kernel::tile, in_tile};
    }
  }
  return {in_strip > 0 ? FusedShape::Kernel::strip : FusedShape::Kernel::none, in_strip};
}

/// The most features that a model of `outputs` outputs may have; 0: no model of so many may be.
[[nodiscard]] inline std::int64_t most_fused_features(std::int64_t outputs,
                                                      std::int64_t value_bytes,
                                                      Rounding rounding = Rounding::none) {
  const std::int64_t width = vector_bytes / value_bytes;
  std::int64_t pitch = width;
  while (fused_shape({pitch - 1, outputs, 1}, pitch, value_bytes, rounding).kernel !=
         FusedShape::Kernel::none) {
    pitch += width;
  }
  return std::max<std::int64_t>(pitch - width - 1, 0);
}

/// Rows of a partition in a pass over `rows` rows of `row_vectors` vectors: one block reads them
/// and leaves one partial gradient. Few, so that the blocks fill a GPU, but no fewer than give most
/// of a block's threads something to do, and where there are rows enough no fewer than make the
/// partial gradient, `columns` rows long, small beside them.
[[nodiscard]] inline std::int64_t fused_partition_rows(std::int64_t rows, std::int64_t row_vectors,
                                                       std::int64_t columns) {
  constexpr std::int64_t rows_a_column = 16;
  const std::int64_t fewest =
      std::max<std::int64_t>(4, strip_threads / power_of_two_from(row_vectors));
  const auto share = [rows](std::int64_t parts) { return (rows + parts - 1) / parts; };
  const std::int64_t worth = std::min(rows_a_column * columns, share(most_unfolded_partitions));
  return std::clamp(std::max(worth, share(most_fused_partitions)), fewest, most_partition_rows);
}

/// Rows a chunk of the fused engine holds at most, so that its partial gradients stay below 256 MB
/// where one partition allows.
[[nodiscard]] inline std::int64_t most_fused_rows(const BankShape& shape, std::int64_t pitch,
                                                  std::int64_t value_bytes) {
  constexpr std::int64_t most_bytes = std::int64_t{256} << 20;
  const std::int64_t affordable = most_bytes / (shape.columns() * pitch * value_bytes);
  return most_partition_rows * std::clamp<std::int64_t>(affordable, 1, most_fused_partitions);
}

/// Chunk `index` of a pass over `rows` rows of `row_vectors` vectors, for groups of `columns`
/// columns. No partition is empty; the last may be short.
[[nodiscard]] inline RowChunk fused_chunk(std::int64_t rows, std::int64_t most_rows,
                                          std::int64_t row_vectors, std::int64_t columns,
                                          std::int64_t index) {
  RowChunk chunk;
  chunk.first = index * most_rows;
  chunk.rows = std::min(most_rows, rows - chunk.first);
  const std::int64_t most_parts = most_rows / most_partition_rows;
  chunk.partition_rows = std::max(fused_partition_rows(chunk.rows, row_vectors, columns),
                                  (chunk.rows + most_parts - 1) / most_parts);
  chunk.partitions = (chunk.rows + chunk.partition_rows - 1) / chunk.partition_rows;
  return chunk;
}

/// Partitions that any pass over at most `rows` rows has at most in a chunk.
[[nodiscard]] inline std::int64_t most_fused_parts(std::int64_t rows, std::int64_t most_rows) {
  return std::min(rows, most_rows / most_partition_rows);
}

}  // namespace steepest::kernels
