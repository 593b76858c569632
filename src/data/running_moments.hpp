// SPDX-License-Identifier: Apache-2.0
// Column statistics taken while rows arrive, in any order, from any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "kernels/column_statistics.hpp"

namespace steepest::data {

/// Takes the moments of a block of rows when the last of them has arrived, while they are in cache,
/// and merges blocks in order: the bits are those of kernels::column_statistics without weights.
class RunningMoments {
 public:
  explicit RunningMoments(std::int64_t columns) : columns_(columns) {}

  /// Rows [first, first + count) are where fetch(first, count) finds them, (count, columns).
  template <class Fetch>
  void arrived(std::int64_t first, std::int64_t count, Fetch fetch) {
    for (const std::int64_t block : completed_by(first, count)) {
      const std::int64_t begin = block * kernels::moment_rows;
      add(block, kernels::ColumnMoments::of(fetch(begin, kernels::moment_rows), nullptr,
                                            kernels::moment_rows, columns_));
    }
  }

  /// Of all `rows` >= 1 rows, which have arrived.
  template <class Fetch>
  [[nodiscard]] ColumnStatistics finish(std::int64_t rows, Fetch fetch) {
    const std::int64_t last = rows / kernels::moment_rows;
    const std::int64_t begin = last * kernels::moment_rows;
    if (begin < rows) {
      add(last,
          kernels::ColumnMoments::of(fetch(begin, rows - begin), nullptr, rows - begin, columns_));
    }
    return merged_.statistics();
  }

 private:
  std::vector<std::int64_t> completed_by(std::int64_t first, std::int64_t count);
  void add(std::int64_t block, kernels::ColumnMoments moments);

  std::int64_t columns_;
  std::mutex mutex_;
  std::map<std::int64_t, std::int64_t> arrived_;             // rows of blocks begun
  std::map<std::int64_t, kernels::ColumnMoments> unmerged_;  // of blocks before which one lacks
  std::int64_t next_ = 0;                                    // block to merge
  kernels::ColumnMoments merged_;
};

}  // namespace steepest::data
