// SPDX-License-Identifier: Apache-2.0
// Mean, deviation and range of every column in one read.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/thread_pool.hpp"
#include "steepest/feature_matrix.hpp"

namespace steepest::kernels {

/// Statistics of a matrix, each (columns) long.
struct ColumnStatistics {
  std::vector<double> mean;                ///< sum w x / sum w
  std::vector<double> standard_deviation;  ///< population: sqrt(sum w (x - mean)^2 / sum w)
  std::vector<float> minimum;              ///< over rows of positive weight
  std::vector<float> maximum;
};

/// On the CPU. weights is n long (>= 0, sum > 0) or empty for all 1.
/// Sums of squares are taken about a running mean and merged by the pairwise formula of Chan, Golub
/// and LeVeque (1979), so columns far from zero lose no digits.
/// Determinism: the same bits for any number of threads.
[[nodiscard]] ColumnStatistics column_statistics(const FeatureMatrix& features,
                                                 const std::vector<double>& weights,
                                                 ThreadPool& pool);

}  // namespace steepest::kernels
