// SPDX-License-Identifier: Apache-2.0
// Rows on their way from the host into device memory, standardized there.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "kernels/device_buffer.cuh"
#include "kernels/pinned_buffer.cuh"
#include "kernels/standardize.hpp"
#include "kernels/stream.cuh"

namespace steepest::kernels {

/// Puts rows x into device memory. Stored is float or double: [(x - mean) / scale, 1, 0 ...], by
/// the arithmetic of standardize_rows, rounded to float32 as on the CPU, then widened; the column
/// of ones makes intercepts a part of every product. Or std::uint8_t: x as it is, whole numbers
/// from 0 to 255; or std::uint16_t: (x - mean) / scale as bfloat16; both packed on the host, [x, 0
/// ...].
///
/// Rows go through three page-locked pieces of at most 32 MB, so the host fills one while others
/// are copied. Allocates in the constructor alone. Element by element: deterministic. Everything
/// throws DeviceError.
template <class Stored>
class RowUpload {
 public:
  /// `scales` of d columns; `most_rows` >= 1 that one send() will bring; `pitch` > d elements from
  /// row to row on the device, >= d of packed ones. Waits.
  RowUpload(const ColumnScales& scales, std::int64_t most_rows, std::int64_t pitch,
            cudaStream_t stream);

  /// Waits for what was queued, which reads the page-locked memory.
  ~RowUpload();
  RowUpload(const RowUpload&) = delete;
  RowUpload& operator=(const RowUpload&) = delete;

  /// Queues putting row r of rows (count, d) to out + places[r] * pitch, for places[r] >= 0; others
  /// are left out. Returns when `rows` and `places` may be changed.
  void send(const float* rows, std::int64_t count, const std::int64_t* places, Stored* out);

 private:
  static constexpr bool packs = !std::is_floating_point_v<Stored>;
  using Wire = std::conditional_t<packs, Stored, float>;

  struct Piece {
    PinnedBuffer<Wire> rows;
    PinnedBuffer<std::int64_t> places;
    Event copied;
  };

  void copy(const float* rows, std::int64_t count, Wire* to);
  void queue(Piece& piece, std::int64_t count, Stored* out);

  ColumnScales scales_;
  std::int64_t columns_;
  std::int64_t pitch_;
  std::int64_t piece_rows_;
  cudaStream_t stream_;
  std::array<Piece, 3> pieces_;
  std::size_t next_ = 0;
  std::vector<float> standardized_;  // on their way to bfloat16
  DeviceBuffer<double> mean_;
  DeviceBuffer<double> inverse_;
  DeviceBuffer<Wire> rows_;            // of the piece last copied
  DeviceBuffer<std::int64_t> places_;  // likewise
};

extern template class RowUpload<float>;
extern template class RowUpload<double>;
extern template class RowUpload<std::uint8_t>;
extern template class RowUpload<std::uint16_t>;

}  // namespace steepest::kernels
