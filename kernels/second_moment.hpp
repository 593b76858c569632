// SPDX-License-Identifier: Apache-2.0
// The second moment matrix of the features: what the curvature of every loss is bounded by.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/row_feed.hpp"
#include "kernels/thread_pool.hpp"

namespace steepest::kernels {

/// S = sum_i w_i [x_i 1]^T [x_i 1] / count over the selected rows, on the CPU: (d + 1, d + 1)
/// row-major, symmetric.
///
/// Complexity: 2 * count * d^2 flops. T is the arithmetic within 1024 rows; sums of those are
/// double. Determinism: the same bits for any number of threads.
template <class T>
[[nodiscard]] std::vector<double> second_moment(RowFeed& feed, const RowSelection& rows,
                                                ThreadPool& pool);

}  // namespace steepest::kernels
