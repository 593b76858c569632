// SPDX-License-Identifier: Apache-2.0
// Blocks of rows side by side, a fixed number at a time, with progress in between.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/thread_pool.hpp"
#include "steepest/logit_rows.hpp"
#include "steepest/read.hpp"

namespace steepest::calibrate {

/// Blocks that are worked on before anyone is told, or anything is merged.
inline constexpr std::int64_t blocks_at_once = 64;

[[nodiscard]] inline std::int64_t block_count(const LogitRows& rows) {
  return (rows.rows() + rows.block_rows() - 1) / rows.block_rows();
}

/// What can be said between groups of blocks: rows done so far, and bytes of the file.
inline void tell(const ReadProgress& progress, const LogitRows& rows, std::int64_t done) {
  if (progress) {
    progress({rows.bytes_read(), rows.bytes_total(), rows.bytes_read(), done});
  }
}

/// Calls body(first row, rows, worker) for every block.
template <class Body>
void for_blocks_of_rows(const LogitRows& rows, kernels::ThreadPool& pool,
                        const ReadProgress& progress, Body body) {
  const std::int64_t size = rows.block_rows();
  const std::int64_t blocks = block_count(rows);
  for (std::int64_t done = 0; done < blocks; done += blocks_at_once) {
    const std::int64_t count = std::min(blocks_at_once, blocks - done);
    pool.for_each(count, [&](std::int64_t index, int worker) {
      const std::int64_t first = (done + index) * size;
      body(first, std::min(size, rows.rows() - first), worker);
    });
    tell(progress, rows, std::min((done + count) * size, rows.rows()));
  }
}

}  // namespace steepest::calibrate
