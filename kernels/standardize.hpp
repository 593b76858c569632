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

/// The same of a whole number from 0 to 255, in float: cheap enough to be done in every pass. Mean
/// and inverse are rounded to float beforehand, see byte_mean and byte_scale.
STEEPEST_HD inline float standardized_byte(float value, float mean, float inverse) {
  return (value - mean) * inverse;
}

/// The mean and the scale nearest to these by which standardized_byte standardizes exactly: a
/// float, and the inverse of one.
[[nodiscard]] inline double byte_mean(double mean) { return static_cast<float>(mean); }
[[nodiscard]] inline double byte_scale(double scale) {
  return 1.0 / static_cast<double>(static_cast<float>(1.0 / scale));
}

/// What standardizes d columns.
struct ColumnScales {
  std::vector<double> mean;
  std::vector<double> inverse;  ///< of the scales
  bool bytes = false;           ///< whether all values are whole numbers from 0 to 255
  std::vector<float> byte_mean;
  std::vector<float> byte_inverse;

  ColumnScales() = default;

  /// Both d long, every scale above 0.
  ColumnScales(std::vector<double> means, std::vector<double> scales, bool all_bytes);
};

/// to[i * d + j] = standardized(from[i * d + j]), or standardized_byte of it, for `rows` rows; `to`
/// may be `from`. Element by element, the same bits at any vector width.
void standardize_rows(const float* from, std::int64_t rows, const ColumnScales& scales, float* to);

/// One row of bytes, likewise.
void standardize_row(const std::uint8_t* from, const ColumnScales& scales, float* to);

/// All rows of a matrix in place, on all threads of the pool.
void standardize(const ColumnScales& scales, ThreadPool& pool, FeatureMatrix& features);

}  // namespace steepest::kernels
