// SPDX-License-Identifier: Apache-2.0
// The rows trained on: in device memory for as long as they are held, or passing through it.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <memory>

#include "kernels/backend.hpp"
#include "kernels/device_buffer.cuh"
#include "kernels/device_rows.cuh"
#include "kernels/row_windows.cuh"

namespace steepest::kernels {

/// Where the features of the rows are.
enum class RowPlace { device, windows };

/// The rows of a pass: a view.
template <class T>
struct PassRows {
  DeviceRows<T> held;
  RowWindows<T>* windows = nullptr;  ///< where features pass through; null: all are held
};

/// Owns the rows: all of them in device memory, or their targets, labels and weights alone, with
/// features that stay on the host and pass through two windows which take half of the memory that
/// is free. Features past the last row are zero, for partitions that reach past it.
template <class T>
class DeviceData {
 public:
  DeviceData() = default;

  /// Uploads and standardizes; waits for both. `data` has at least one row and one feature; its
  /// features stay where they are to pass through windows. Throws DeviceError, of a full memory
  /// among others.
  DeviceData(TrainingData data, RowPlace place, cudaStream_t stream);

  /// As above, reading the source once from its first row to its last, and anew for windows.
  DeviceData(const StreamedData& data, RowPlace place, cudaStream_t stream);

  [[nodiscard]] std::int64_t rows() const { return rows_; }
  [[nodiscard]] std::int64_t features() const { return features_; }
  [[nodiscard]] DeviceRows<T> view() const;

  [[nodiscard]] PassRows<T> pass_rows() { return {view(), windows_.get()}; }

  /// Rows [first, first + count) as they are trained on: (count, d) into `out`. Waits.
  void copy_rows(std::int64_t first, std::int64_t count, T* out);

 private:
  void place_features(RowPlace place);

  std::int64_t rows_ = 0;
  std::int64_t features_ = 0;
  std::int64_t pitch_ = 0;
  DeviceBuffer<T> matrix_;
  DeviceBuffer<T> targets_;
  DeviceBuffer<std::int32_t> labels_;
  DeviceBuffer<T> weights_;
  cudaStream_t stream_ = nullptr;
  ReadRows read_;  // of rows that stay on the host
  ColumnScales scales_;
  std::unique_ptr<RowWindows<T>> windows_;
};

extern template class DeviceData<float>;
extern template class DeviceData<double>;

}  // namespace steepest::kernels
