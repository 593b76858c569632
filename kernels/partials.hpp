// SPDX-License-Identifier: Apache-2.0
// How a sum over rows is cut into partitions, so that it has the same bits on any number of
// threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/bank.hpp"

namespace steepest::kernels {

/// The sums of one pass, one part a partition; the update adds the parts in order.
struct Partials {
  std::int64_t partitions = 0;
  std::vector<double> gradient;  ///< (partitions, columns, d + 1): sum_i w_i dl/dz_c x_j
  std::vector<double> loss;      ///< (partitions, models): sum_i w_i l_i
};

/// Number of partitions for a pass over `rows` rows: a function of the shapes alone, never of the
/// threads. One below about 2^17 multiply-adds, where a second thread costs more than it brings,
/// and below 256 rows, since a part is cleared, rounded and added up as a whole; at most 64, and
/// fewer when the parts would hold more than 128 MB.
[[nodiscard]] inline std::int64_t partition_count(std::int64_t rows, const BankShape& shape) {
  constexpr std::int64_t worth_a_partition = std::int64_t{1} << 17;
  constexpr std::int64_t rows_worth_a_part = 128;
  constexpr std::int64_t most = 64;
  constexpr std::int64_t most_bytes = std::int64_t{128} << 20;
  const std::int64_t work = rows * shape.elements();
  const std::int64_t part_bytes = shape.elements() * static_cast<std::int64_t>(sizeof(double));
  const std::int64_t affordable = std::max<std::int64_t>(1, most_bytes / part_bytes);
  const std::int64_t worth = std::min(work / worth_a_partition, rows / rows_worth_a_part);
  return std::clamp<std::int64_t>(std::min(worth, affordable), 1, most);
}

}  // namespace steepest::kernels
