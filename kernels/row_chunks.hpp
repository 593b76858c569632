// SPDX-License-Identifier: Apache-2.0
// How a pass on the device is cut: into chunks of rows whose scores fit a fixed buffer, and each
// chunk into partitions that sum on their own. Functions of the shapes alone.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/bank.hpp"

namespace steepest::kernels {

/// Rows whose gradient is summed in the arithmetic of the pass before sums go on in double.
inline constexpr std::int64_t most_partition_rows = 1024;

/// Partitions of a chunk: their sums are added one after the other, by one thread an element.
inline constexpr std::int64_t most_partitions = 128;

/// Rows [first, first + rows) of a pass, in `partitions` parts of `partition_rows` rows each. The
/// parts may reach up to most_partitions - 1 rows past the end; residuals there are 0.
struct RowChunk {
  std::int64_t first = 0;
  std::int64_t rows = 0;
  std::int64_t partitions = 0;
  std::int64_t partition_rows = 0;

  [[nodiscard]] STEEPEST_HD std::int64_t padded_rows() const { return partitions * partition_rows; }
};

/// Rows a chunk holds at most, so that partial gradients (partitions, columns, pitch) and scores
/// (rows, columns) of values of `value_bytes` stay below 256 MB each where one partition allows.
[[nodiscard]] inline std::int64_t most_chunk_rows(const BankShape& shape, std::int64_t pitch,
                                                  std::int64_t value_bytes) {
  constexpr std::int64_t most_bytes = std::int64_t{256} << 20;
  const std::int64_t widest = std::max(pitch, most_partition_rows);
  const std::int64_t affordable = most_bytes / (shape.columns() * widest * value_bytes);
  return most_partition_rows * std::clamp<std::int64_t>(affordable, 1, most_partitions);
}

/// Chunks a pass over `rows` >= 1 rows takes.
[[nodiscard]] inline std::int64_t chunk_count(std::int64_t rows, std::int64_t most_rows) {
  return (rows + most_rows - 1) / most_rows;
}

/// Chunk `index` of a pass over `rows` rows.
[[nodiscard]] inline RowChunk chunk_of_pass(std::int64_t rows, std::int64_t most_rows,
                                            std::int64_t index) {
  RowChunk chunk;
  chunk.first = index * most_rows;
  chunk.rows = std::min(most_rows, rows - chunk.first);
  chunk.partitions = (chunk.rows + most_partition_rows - 1) / most_partition_rows;
  chunk.partition_rows = (chunk.rows + chunk.partitions - 1) / chunk.partitions;
  return chunk;
}

}  // namespace steepest::kernels
