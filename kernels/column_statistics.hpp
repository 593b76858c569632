// SPDX-License-Identifier: Apache-2.0
// Mean, deviation and range of every column in one read.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/thread_pool.hpp"
#include "steepest/column_statistics.hpp"
#include "steepest/row_source.hpp"

namespace steepest::kernels {

/// Weighted moments of some rows, per column.
///
/// Within a block the sum of squares is taken about the block's own mean, with the correction of
/// Chan, Golub and LeVeque (1983, Algorithms for computing the sample variance, eq. 1.7); blocks
/// are merged by their pairwise formula, so columns far from zero lose no digits.
struct ColumnMoments {
  double weight = 0.0;
  std::vector<double> mean;
  std::vector<double> squares;  ///< sum w (x - mean)^2
  std::vector<float> minimum;
  std::vector<float> maximum;

  /// Of (rows, columns) features. weights is `rows` long, or null for all 1.
  static ColumnMoments of(const float* features, const double* weights, std::int64_t rows,
                          std::int64_t columns);

  /// Adds the moments of rows that follow.
  void merge(const ColumnMoments& other);

  [[nodiscard]] ColumnStatistics statistics() const;
};

/// Rows whose moments are taken together: statistics are merged over blocks of this many, in order,
/// whoever takes them and wherever the rows lie.
inline constexpr std::int64_t moment_rows = 2048;

/// On the CPU. Weights are >= 0 with a sum > 0.
/// Determinism: the same bits for any number of threads, in memory and streamed.
[[nodiscard]] ColumnStatistics column_statistics(const RowSource& rows, ThreadPool& pool);

}  // namespace steepest::kernels
