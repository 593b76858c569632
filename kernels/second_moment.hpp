// SPDX-License-Identifier: Apache-2.0
// The second moment matrix of rows: what the curvature of every loss is bounded by, and, with the
// targets, all that squared loss ever asks of them.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/row_feed.hpp"
#include "kernels/thread_pool.hpp"

namespace steepest::kernels {

/// S = sum_i w_i u_i^T u_i / count over the selected rows, on the CPU, with u_i = [x_i 1 y_i]:
/// (d + 1 + outputs, d + 1 + outputs) row-major, symmetric to the bit. outputs is 0, or that of the
/// feed's targets.
///
/// Complexity: count * (d + 1 + outputs)^2 flops. T is the arithmetic within 1024 rows; sums of
/// those are double. Determinism: the same bits for any number of threads.
/// Memory: one matrix a partition, and per thread another in T and a tile of at least 8 rows and
/// about 0.5 MB, twice that with weights.
template <class T>
[[nodiscard]] std::vector<double> second_moment(RowFeed& feed, const RowSelection& rows,
                                                std::int64_t outputs, ThreadPool& pool);

}  // namespace steepest::kernels
