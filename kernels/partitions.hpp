// SPDX-License-Identifier: Apache-2.0
// How a sum over rows is cut into partitions, so that it has the same bits on any number of
// threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/bank.hpp"

namespace steepest::kernels {

/// Number of partitions for a pass over `rows` rows: a function of the rows and the size of one
/// model alone, never of the threads or of the models beside it, so that a model of a bank has the
/// sums it would have alone. A part is worth 2^13 multiply-adds, some microseconds, and 256 rows,
/// since it is cleared, rounded and added up as a whole; two parts are worth it from 16 rows each.
/// At most 64, and fewer when the parts of the model would hold more than 128 MB.
[[nodiscard]] inline std::int64_t partition_count(std::int64_t rows, const BankShape& shape) {
  constexpr std::int64_t worth_a_part = std::int64_t{1} << 13;
  constexpr std::int64_t rows_worth_a_part = 256;
  constexpr std::int64_t rows_worth_a_half = 16;
  constexpr std::int64_t most = 64;
  constexpr std::int64_t most_bytes = std::int64_t{128} << 20;
  const std::int64_t elements = shape.elements_per_model();
  const std::int64_t part_bytes = elements * static_cast<std::int64_t>(sizeof(double));
  const std::int64_t affordable = std::max<std::int64_t>(1, most_bytes / part_bytes);
  const std::int64_t by_rows =
      std::max(rows / rows_worth_a_part, std::min<std::int64_t>(2, rows / rows_worth_a_half));
  const std::int64_t by_work = (rows * elements + worth_a_part / 2) / worth_a_part;
  return std::clamp<std::int64_t>(std::min({by_rows, by_work, affordable}), 1, most);
}

/// Groups that the models of a bank are cut into where partitions are too few for the threads: a
/// task is a partition and a group. No sum depends on it.
[[nodiscard]] inline std::int64_t group_count(std::int64_t rows, const BankShape& shape,
                                              std::int64_t threads) {
  constexpr std::int64_t worth_a_task = std::int64_t{1} << 14;
  constexpr std::int64_t columns_worth_a_group = 8;
  constexpr double fully_used = 0.9;
  const std::int64_t partitions = partition_count(rows, shape);
  const std::int64_t most = std::min({shape.models, shape.columns() / columns_worth_a_group,
                                      rows * shape.elements() / (worth_a_task * partitions)});
  std::int64_t groups = 1;
  const auto use = [&] {
    const std::int64_t tasks = partitions * groups;
    const std::int64_t rounds = (tasks + threads - 1) / threads;
    return static_cast<double>(tasks) / static_cast<double>(rounds * threads);
  };
  while (groups < most && use() < fully_used) {
    ++groups;
  }
  return groups;
}

/// The most models of this size whose parts hold at most 256 MB in a pass over `rows` rows.
[[nodiscard]] inline std::int64_t most_models(std::int64_t rows, const BankShape& shape) {
  constexpr std::int64_t most_bytes = std::int64_t{256} << 20;
  const std::int64_t model_bytes = partition_count(rows, shape) * shape.elements_per_model() *
                                   static_cast<std::int64_t>(sizeof(double));
  return std::max<std::int64_t>(1, most_bytes / model_bytes);
}

}  // namespace steepest::kernels
