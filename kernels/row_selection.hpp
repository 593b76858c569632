// SPDX-License-Identifier: Apache-2.0
// Which rows a step reads: all of them in file order, or a slice of an epoch's shuffled order.
#pragma once

#include <algorithm>
#include <cstdint>

#include "steepest/feature_matrix.hpp"
#include "steepest/shuffle.hpp"

namespace steepest::kernels {

/// `count` rows: first, first + 1, ... of the file, or of the order of `epoch` when shuffled.
struct RowSelection {
  std::int64_t first = 0;
  std::int64_t count = 0;
  bool shuffled = false;
  std::int64_t total_rows = 1;  ///< n, the domain of the shuffle
  std::uint64_t seed = 0;
  std::int64_t epoch = 0;
  std::int64_t together = 1;  ///< see RowOrder

  bool operator==(const RowSelection&) const = default;

  /// All rows of a data set of `rows`, in order.
  static RowSelection all(std::int64_t rows) { return {0, rows, false, rows, 0, 0, 1}; }

  /// The indexes of rows [begin, begin + size) of the selection.
  void indexes_of(std::int64_t begin, std::int64_t size, std::int64_t* indexes) const;

  /// The order the rows are taken from when shuffled.
  [[nodiscard]] STEEPEST_HD RowOrder order() const { return {total_rows, seed, epoch, together}; }
};

/// How many neighbours a shuffle keeps together so that memory is read in longer pieces: of about
/// 1 KB and at most 8 rows, or of 4 KB where a batch still holds 64 of them or more. 1 where rows
/// are long or all of them fit a cache.
[[nodiscard]] inline std::int64_t rows_kept_together(std::int64_t rows, std::int64_t features,
                                                     std::int64_t batch_size) {
  constexpr std::int64_t piece_bytes = 1024;
  constexpr std::int64_t most_rows = 8;
  constexpr std::int64_t long_piece_bytes = 4096;
  constexpr std::int64_t pieces_a_batch = 64;
  constexpr std::int64_t cache_bytes = std::int64_t{2} << 20;
  const std::int64_t row_bytes =
      std::max<std::int64_t>(1, features * static_cast<std::int64_t>(sizeof(float)));
  if (rows * row_bytes <= cache_bytes) {
    return 1;
  }
  return std::max({std::int64_t{1}, std::min(piece_bytes / row_bytes, most_rows),
                   std::min(long_piece_bytes / row_bytes, batch_size / pieces_a_batch)});
}

/// `sample` rows of a fixed shuffle, or all rows in order when there are no more than that.
[[nodiscard]] inline RowSelection sample_rows(std::int64_t rows, std::int64_t sample) {
  constexpr std::uint64_t seed = 0x73616d706c65ULL;
  return sample >= rows ? RowSelection::all(rows) : RowSelection{0, sample, true, rows, seed, 0, 1};
}

/// The slice of step `step` when epochs are cut into batches of `batch` rows; the last batch of an
/// epoch is what is left. A batch of all rows is the whole file in order, every step.
STEEPEST_HD inline RowSelection batch_of_step(std::int64_t rows, std::int64_t batch,
                                              std::uint64_t seed, std::int64_t step,
                                              std::int64_t together) {
  if (batch >= rows) {
    return {0, rows, false, rows, seed, step, 1};
  }
  const std::int64_t steps_per_epoch = (rows + batch - 1) / batch;
  const std::int64_t epoch = step / steps_per_epoch;
  const std::int64_t first = (step % steps_per_epoch) * batch;
  const std::int64_t count = rows - first < batch ? rows - first : batch;
  return {first, count, true, rows, seed, epoch, together};
}

/// The indexes of rows [begin, begin + count) of a selection, and where they lie.
void select_rows(const FeatureMatrix& features, const RowSelection& rows, std::int64_t begin,
                 std::int64_t count, std::int64_t* indexes, const float** pointers);

}  // namespace steepest::kernels
