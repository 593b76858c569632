// SPDX-License-Identifier: Apache-2.0
// The rows trained on, in device memory for as long as they are held.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/backend.hpp"
#include "kernels/device_buffer.cuh"

namespace steepest::kernels {

/// The rows held, as kernels see them. T is the arithmetic of the pass.
template <class T>
struct DeviceRows {
  std::int64_t rows = 0;
  std::int64_t pitch = 0;
  const T* features = nullptr;           ///< (rows + most_partitions, pitch): [x, 1, 0 ...]
  const T* targets = nullptr;            ///< (rows, C), or null
  const std::int32_t* labels = nullptr;  ///< rows, or null
  const T* weights = nullptr;            ///< rows, or null for all 1
};

/// Owns the rows. Features past the last row are zero, for partitions that reach past it.
template <class T>
class DeviceData {
 public:
  DeviceData() = default;

  /// Uploads and standardizes; waits for both. `data` has at least one row and one feature.
  /// Throws DeviceError, of a full memory among others.
  DeviceData(const TrainingData& data, cudaStream_t stream);

  /// As above, reading the source once from its first row to its last.
  DeviceData(const StreamedData& data, cudaStream_t stream);

  [[nodiscard]] std::int64_t rows() const { return rows_; }
  [[nodiscard]] std::int64_t features() const { return features_; }
  [[nodiscard]] DeviceRows<T> view() const;

 private:
  std::int64_t rows_ = 0;
  std::int64_t features_ = 0;
  std::int64_t pitch_ = 0;
  DeviceBuffer<T> matrix_;
  DeviceBuffer<T> targets_;
  DeviceBuffer<std::int32_t> labels_;
  DeviceBuffer<T> weights_;
};

extern template class DeviceData<float>;
extern template class DeviceData<double>;

}  // namespace steepest::kernels
