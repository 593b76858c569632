// SPDX-License-Identifier: Apache-2.0
// The rows trained on: in device memory for as long as they are held, or passing through it.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <memory>

#include "kernels/backend.hpp"
#include "kernels/device_buffer.cuh"
#include "kernels/device_rows.cuh"
#include "kernels/row_chunks.hpp"
#include "kernels/row_windows.cuh"
#include "kernels/unpack_rows.cuh"

namespace steepest::kernels {

/// Where the features of the rows are.
enum class RowPlace { device, windows };

/// The rows of a pass: a view.
template <class T>
struct PassRows {
  DeviceRows<T> held;
  RowWindows<T>* windows = nullptr;  ///< where features of `held` pass through; null: none
  PackedPlace packed;                ///< where features are that `held` has not
  std::int64_t chunk_bytes = 0;      ///< most that a chunk shall read; 0: any

  /// Rows of a chunk at most: those of a window, as many as chunk_bytes are, and of packed rows as
  /// many as 2 GB hold unpacked, where those are 1024 or more.
  [[nodiscard]] std::int64_t most_rows() const {
    constexpr std::int64_t most_unpacked_bytes = std::int64_t{2} << 30;
    std::int64_t most = held.rows;
    for (const std::int64_t bytes : {chunk_bytes, packed.any() ? most_unpacked_bytes : 0}) {
      if (bytes > 0) {
        const std::int64_t row_bytes = held.pitch * static_cast<std::int64_t>(sizeof(T));
        const std::int64_t parts = bytes / row_bytes / most_partition_rows;
        most = std::min(most, std::max<std::int64_t>(1, parts) * most_partition_rows);
      }
    }
    most = windows != nullptr ? std::min(most, windows->window_rows()) : most;
    return std::min(most, packed.window_rows());
  }
};

/// Owns the rows: all of them in device memory, or their targets, labels and weights alone, with
/// features that stay on the host and pass through two windows, which take half of the memory that
/// is free, or an eighth where they are packed. Features past the last row are zero, for partitions
/// that reach past it. TrainingData may ask for bytes or bfloat16, on the device and on the way
/// there; passes unpack them chunk by chunk.
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

  /// Targets of a row; 0 of classes.
  [[nodiscard]] std::int64_t outputs() const { return targets_.size() / rows_; }

  [[nodiscard]] DeviceRows<T> view() const;

  [[nodiscard]] Storage storage() const { return storage_; }
  [[nodiscard]] PassRows<T> pass_rows();

  /// Rows [first, first + count) as they are trained on: (count, d) into `out`. Waits.
  void copy_rows(std::int64_t first, std::int64_t count, T* out);

 private:
  void allocate(RowPlace place);
  void place_features(RowPlace place);
  template <class Stored>
  void place_as(RowPlace place, std::int64_t pitch, DeviceBuffer<Stored>& held,
                std::unique_ptr<RowWindows<Stored>>& windows);

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
  Storage storage_ = Storage::float32;
  std::unique_ptr<RowWindows<T>> windows_;
  DeviceBuffer<std::uint8_t> bytes_;    // (rows, packed pitch), instead of matrix_
  DeviceBuffer<std::uint16_t> halves_;  // likewise
  std::unique_ptr<RowWindows<std::uint8_t>> byte_windows_;
  std::unique_ptr<RowWindows<std::uint16_t>> half_windows_;
  DeviceBuffer<float> mean_;     // of bytes
  DeviceBuffer<float> inverse_;  // likewise
};

extern template class DeviceData<float>;
extern template class DeviceData<double>;

}  // namespace steepest::kernels
