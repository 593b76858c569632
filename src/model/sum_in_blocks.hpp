// SPDX-License-Identifier: Apache-2.0
// Sums over rows on all threads, with the same bits for any number of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/thread_pool.hpp"

namespace steepest {

/// Rows that one sum is over before sums are merged.
inline constexpr std::int64_t summed_rows = 4096;

/// Calls add(sum, first, count, worker) with a sum of its own, a copy of `empty`, for every block
/// of summed_rows rows, side by side, and merges those into `total` in order.
template <class Sum, class Add>
void sum_in_blocks(std::int64_t rows, const Sum& empty, kernels::ThreadPool& pool, Sum& total,
                   Add add) {
  const std::int64_t at_once = std::int64_t{8} * pool.threads();
  const std::int64_t blocks = (rows + summed_rows - 1) / summed_rows;
  for (std::int64_t done = 0; done < blocks; done += at_once) {
    std::vector<Sum> sums(static_cast<std::size_t>(std::min(at_once, blocks - done)), empty);
    pool.for_each(static_cast<std::int64_t>(sums.size()), [&](std::int64_t block, int worker) {
      const std::int64_t first = (done + block) * summed_rows;
      add(sums[static_cast<std::size_t>(block)], first, std::min(summed_rows, rows - first),
          worker);
    });
    for (const Sum& sum : sums) {
      total.merge(sum);
    }
  }
}

}  // namespace steepest
