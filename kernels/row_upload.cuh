// SPDX-License-Identifier: Apache-2.0
// Rows on their way from the host into device memory, standardized there.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/device_buffer.cuh"
#include "kernels/pinned_buffer.cuh"
#include "kernels/standardize.hpp"
#include "kernels/stream.cuh"

namespace steepest::kernels {

/// Puts rows x into device memory as [(x - mean) / scale, 1, 0 ...], by the arithmetic of
/// standardize_rows, rounded to float32 as on the CPU, then widened to T. The column of ones makes
/// intercepts a part of every product.
///
/// Rows go through three page-locked pieces of at most 32 MB, so the host fills one while others
/// are copied. Allocates in the constructor alone. Element by element: deterministic. Everything
/// throws DeviceError.
template <class T>
class RowUpload {
 public:
  /// `scales` of d columns; `most_rows` >= 1 that one send() will bring; `pitch` > d elements from
  /// row to row on the device. Waits.
  RowUpload(const ColumnScales& scales, std::int64_t most_rows, std::int64_t pitch,
            cudaStream_t stream);

  /// Waits for what was queued, which reads the page-locked memory.
  ~RowUpload();
  RowUpload(const RowUpload&) = delete;
  RowUpload& operator=(const RowUpload&) = delete;

  /// Queues putting row r of rows (count, d) to out + places[r] * pitch, for places[r] >= 0; others
  /// are left out. Returns when `rows` and `places` may be changed.
  void send(const float* rows, std::int64_t count, const std::int64_t* places, T* out);

 private:
  struct Piece {
    PinnedBuffer<float> rows;
    PinnedBuffer<std::int64_t> places;
    Event copied;
  };

  void queue(Piece& piece, std::int64_t count, T* out);

  std::int64_t columns_;
  bool bytes_;
  std::int64_t pitch_;
  std::int64_t piece_rows_;
  cudaStream_t stream_;
  std::array<Piece, 3> pieces_;
  std::size_t next_ = 0;
  DeviceBuffer<double> mean_;
  DeviceBuffer<double> inverse_;
  DeviceBuffer<float> rows_;           // of the piece last copied
  DeviceBuffer<std::int64_t> places_;  // likewise
};

extern template class RowUpload<float>;
extern template class RowUpload<double>;

}  // namespace steepest::kernels
