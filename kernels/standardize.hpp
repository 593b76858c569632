// SPDX-License-Identifier: Apache-2.0
// Shifts and scales features in place, so that one rate suits every column.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/thread_pool.hpp"
#include "steepest/feature_matrix.hpp"
#include "steepest/host_device.hpp"

namespace steepest::kernels {

/// One value: (x - mean) / scale in double, rounded once.
STEEPEST_HD inline float standardized(float value, double mean, double scale) {
  return static_cast<float>((static_cast<double>(value) - mean) / scale);
}

/// x_ij <- (x_ij - mean_j) / scale_j on the CPU. mean and scale are d long, scale_j > 0.
/// Element by element: the result does not depend on the number of threads.
void standardize(const std::vector<double>& mean, const std::vector<double>& scale,
                 ThreadPool& pool, FeatureMatrix& features);

}  // namespace steepest::kernels
