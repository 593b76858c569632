// SPDX-License-Identifier: Apache-2.0
// The rows trained on, as kernels see them.
#pragma once

#include <cstdint>

namespace steepest::kernels {

/// The rows held, as kernels see them. T is the arithmetic of the pass.
template <class T>
struct DeviceRows {
  std::int64_t rows = 0;
  std::int64_t pitch = 0;
  const T* features = nullptr;  ///< (rows + most_partitions, pitch): [x, 1, 0 ...], or null
                                ///< where they pass through windows
  const T* targets = nullptr;   ///< (rows, C), or null
  const std::int32_t* labels = nullptr;  ///< rows, or null
  const T* weights = nullptr;            ///< rows, or null for all 1
};

}  // namespace steepest::kernels
