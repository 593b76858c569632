// SPDX-License-Identifier: Apache-2.0
// Shifts and scales features, so that one rate suits every column.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/thread_pool.hpp"
#include "steepest/feature_matrix.hpp"
#include "steepest/host_device.hpp"

namespace steepest::kernels {

/// One value: (x - mean) * inverse_scale in double, rounded once.
STEEPEST_HD inline float standardized(float value, double mean, double inverse_scale) {
  return static_cast<float>((static_cast<double>(value) - mean) * inverse_scale);
}

/// What standardizes d columns.
struct ColumnScales {
  std::vector<double> mean;
  std::vector<double> inverse;  ///< of the scales

  ColumnScales() = default;

  /// Both d long, every scale above 0.
  ColumnScales(std::vector<double> means, std::vector<double> scales);
};

/// to[i * d + j] = standardized(from[i * d + j]) for `rows` rows; `to` may be `from`. Element by
/// element, the same bits at any vector width.
void standardize_rows(const float* from, std::int64_t rows, const ColumnScales& scales, float* to);

/// All rows of a matrix in place, on all threads of the pool.
void standardize(const ColumnScales& scales, ThreadPool& pool, FeatureMatrix& features);

}  // namespace steepest::kernels
