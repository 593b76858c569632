// SPDX-License-Identifier: Apache-2.0
// Which rows a step reads: all of them in file order, or a slice of an epoch's shuffled order.
#pragma once

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

  /// All rows of a data set of `rows`, in order.
  static RowSelection all(std::int64_t rows) { return {0, rows, false, rows, 0, 0}; }
};

/// `sample` rows of a fixed shuffle, or all rows in order when there are no more than that.
[[nodiscard]] inline RowSelection sample_rows(std::int64_t rows, std::int64_t sample) {
  constexpr std::uint64_t seed = 0x73616d706c65ULL;
  return sample >= rows ? RowSelection::all(rows) : RowSelection{0, sample, true, rows, seed, 0};
}

/// The slice of step `step` when epochs are cut into batches of `batch` rows; the last batch of an
/// epoch is what is left. A batch of all rows is the whole file in order, every step.
STEEPEST_HD inline RowSelection batch_of_step(std::int64_t rows, std::int64_t batch,
                                              std::uint64_t seed, std::int64_t step) {
  if (batch >= rows) {
    return {0, rows, false, rows, seed, step};
  }
  const std::int64_t steps_per_epoch = (rows + batch - 1) / batch;
  const std::int64_t epoch = step / steps_per_epoch;
  const std::int64_t first = (step % steps_per_epoch) * batch;
  const std::int64_t count = rows - first < batch ? rows - first : batch;
  return {first, count, true, rows, seed, epoch};
}

/// The indexes of rows [begin, begin + count) of a selection, and where they lie.
void select_rows(const FeatureMatrix& features, const RowSelection& rows, std::int64_t begin,
                 std::int64_t count, std::int64_t* indexes, const float** pointers);

}  // namespace steepest::kernels
