// SPDX-License-Identifier: Apache-2.0
// What the fused engine can take, and that its cuts cover every row once.
#include "kernels/fused_shape.hpp"

#include <gtest/gtest.h>

namespace steepest::tests {
namespace {

using namespace kernels;

TEST(FusedShape, PartitionsCoverEveryRowOnceAndNoneIsEmpty) {
  for (const std::int64_t columns : {1, 4, 10, 32}) {
    for (const std::int64_t most_rows : {std::int64_t{1024}, std::int64_t{1024} * 1024}) {
      for (const std::int64_t rows : {1, 2, 63, 64, 65, 127, 1000, 1025, 4097, 60000, 1048577}) {
        std::int64_t next = 0;
        for (std::int64_t i = 0; i < chunk_count(rows, most_rows); ++i) {
          const RowChunk chunk = fused_chunk(rows, most_rows, 25, columns, i);
          EXPECT_EQ(chunk.first, next);
          EXPECT_LE(chunk.partition_rows, most_partition_rows);
          EXPECT_LE(chunk.partitions, most_fused_parts(rows, most_rows));
          EXPECT_GE(chunk.padded_rows(), chunk.rows);
          EXPECT_LT((chunk.partitions - 1) * chunk.partition_rows, chunk.rows);
          next += chunk.rows;
        }
        EXPECT_EQ(next, rows);
      }
    }
  }
}

TEST(FusedShape, SmallBatchesAreFoldedByTheUpdateAlone) {
  for (const std::int64_t rows : {1, 32, 256, 1024}) {
    const std::int64_t most_rows = most_partition_rows * most_fused_partitions;
    EXPECT_LE(fused_chunk(rows, most_rows, 197, 10, 0).partitions, most_unfolded_partitions);
    EXPECT_GE(fused_chunk(rows, most_rows, 197, 10, 0).partitions,
              std::min<std::int64_t>(rows / 4, 32));
  }
}

// Every count a tile's kernel relies on, over all shapes it is asked for.
TEST(FusedShape, TilesFitTheirMemoryAndRegisters) {
  for (const std::int64_t value_bytes : {4, 8}) {
    for (std::int64_t columns = 1; columns <= tile_columns; ++columns) {
      for (std::int64_t stride = 2; stride < 5000; stride += stride < 200 ? 1 : 61) {
        const std::int64_t width = vector_bytes / value_bytes;
        const std::int64_t pitch = (stride + width - 1) / width * width;
        const TileShape shape = tile_shape(columns, pitch, value_bytes);
        if (shape.rows == 0) {
          continue;
        }
        EXPECT_GE(shape.columns, columns);
        EXPECT_EQ(shape.rows % tile_block_rows, 0);
        EXPECT_LE(shape.features * shape.columns * value_bytes, 4 * tile_registers);
        EXPECT_GE(shape.features * shape.feature_lanes, pitch);
        EXPECT_LE(shape.feature_lanes, tile_threads);
        EXPECT_EQ(tile_threads % shape.feature_lanes, 0);
        EXPECT_GE(shape.pitch, pitch);
        EXPECT_EQ(shape.pitch / width % 2, 1);
        EXPECT_EQ(shape.score_pitch % width, 0);
        EXPECT_GE(shape.slices, 1);
        EXPECT_GE(shape.tile_values, tile_threads * tile_block_columns);
        EXPECT_LE(shape.shared_bytes, tile_bytes);
      }
    }
  }
}

// And every count that the tensor kernel relies on.
TEST(FusedShape, TensorTilesFitTheirMemoryAndRegisters) {
  for (const Rounding rounding : {Rounding::tf32, Rounding::bf16}) {
    for (std::int64_t columns = 1; columns <= tensor_columns; ++columns) {
      for (std::int64_t stride = 2; stride < 5000; stride += stride < 200 ? 1 : 61) {
        const TensorShape shape = tensor_shape(columns, stride, rounding);
        if (shape.rows == 0) {
          continue;
        }
        EXPECT_GE(shape.columns, columns);
        EXPECT_EQ(shape.rows % 8, 0);
        EXPECT_LE(shape.held * shape.columns, tensor_blocks * tensor_block_columns);
        EXPECT_GE(shape.held * tensor_warps, shape.blocks);
        EXPECT_GE(shape.ranks * shape.blocks * tensor_block_features, stride);
        EXPECT_GE(shape.pitch, shape.blocks * tensor_block_features);
        // 16 bytes beyond a multiple of 64, or of 32: what keeps lanes on different banks.
        EXPECT_EQ(shape.pitch % 16, 4);
        EXPECT_EQ(shape.weight_pitch % 8, 4);
        EXPECT_EQ(shape.score_pitch % 8, 4);
        EXPECT_LE(shape.shared_bytes, tensor_bytes);
      }
    }
  }
  EXPECT_EQ(tensor_shape(8, 100, Rounding::none).rows, 0);
  EXPECT_EQ(tensor_shape(10, 785, Rounding::tf32).ranks, 1);
  EXPECT_EQ(tensor_shape(10, 3001, Rounding::tf32).ranks, 2);
  EXPECT_EQ(tensor_shape(33, 100, Rounding::tf32).rows, 0);
}

TEST(FusedShape, TakesWhatItIsFor) {
  using Kernel = FusedShape::Kernel;
  constexpr std::int64_t pitch = 788;  // 784 features and the intercept
  EXPECT_EQ(fused_shape({784, 1, 1}, pitch, 4).kernel, Kernel::strip);
  EXPECT_EQ(fused_shape({784, 10, 1}, pitch, 4).kernel, Kernel::tile);
  EXPECT_EQ(fused_shape({784, 10, 1}, pitch - 2, 8).kernel, Kernel::tile);
  EXPECT_EQ(fused_shape({784, 32, 1}, pitch, 4).kernel, Kernel::tile);
  EXPECT_EQ(fused_shape({784, 33, 1}, pitch, 4).kernel, Kernel::none);
  EXPECT_EQ(fused_shape({784, 10, 3}, pitch, 4).group_models, 3);
  EXPECT_EQ(fused_shape({784, 10, 7}, pitch, 4).group_models, 3);
  EXPECT_EQ(fused_shape({10, 1, 64}, 12, 4).group_models, 32);
  EXPECT_EQ(fused_shape({784, 1, 1}, pitch, 4, Rounding::tf32).kernel, Kernel::strip);
  EXPECT_EQ(fused_shape({784, 10, 1}, pitch, 4, Rounding::bf16).kernel, Kernel::tensor);
}

// The table of docs/gpu.md.
TEST(FusedShape, TakesWhatItsPageSays) {
  for (std::int64_t outputs = 1; outputs <= 32; ++outputs) {
    const std::int64_t single = outputs <= 4 ? 4095 : outputs <= 16 ? 2047 : 1023;
    const std::int64_t twice = outputs <= 2    ? 2047
                               : outputs <= 8  ? 1917
                               : outputs <= 16 ? 1023
                                               : 511;
    EXPECT_EQ(most_fused_features(outputs, 4), single) << outputs;
    EXPECT_EQ(most_fused_features(outputs, 8), twice) << outputs;
    const std::int64_t tf32 = outputs <= 8 ? 16639 : outputs <= 16 ? 12287 : 7935;
    const std::int64_t bf16 = outputs <= 8 ? 19967 : outputs <= 16 ? 16383 : 8191;
    EXPECT_EQ(most_fused_features(outputs, 4, Rounding::tf32), tf32) << outputs;
    EXPECT_EQ(most_fused_features(outputs, 4, Rounding::bf16), bf16) << outputs;
  }
  EXPECT_EQ(most_fused_features(33, 4), 0);
  EXPECT_EQ(most_fused_features(33, 8), 0);
}

}  // namespace
}  // namespace steepest::tests
