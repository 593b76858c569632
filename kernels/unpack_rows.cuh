// SPDX-License-Identifier: Apache-2.0
// Rows of features in device memory in fewer bits than the arithmetic, and how a pass gets them.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <limits>

#include "kernels/row_selection.hpp"
#include "kernels/row_windows.cuh"

namespace steepest::kernels {

/// Elements from one packed row to the next: a multiple of 16 bytes.
template <class Packed>
[[nodiscard]] constexpr std::int64_t packed_pitch(std::int64_t features) {
  constexpr std::int64_t vector = 16 / static_cast<std::int64_t>(sizeof(Packed));
  return (features + vector - 1) / vector * vector;
}

/// The features of all rows, as bytes or as bfloat16, held or passing through windows: one of the
/// four pointers is not null. See PackedRows for what they mean.
struct PackedPlace {
  const std::uint8_t* bytes = nullptr;    ///< (n, packed_pitch)
  const std::uint16_t* halves = nullptr;  ///< (n, packed_pitch), standardized
  RowWindows<std::uint8_t>* byte_windows = nullptr;
  RowWindows<std::uint16_t>* half_windows = nullptr;
  std::int64_t features = 0;
  const float* mean = nullptr;     ///< d: of bytes, see standardized_byte
  const float* inverse = nullptr;  ///< d: likewise

  [[nodiscard]] bool any() const { return bytes != nullptr || halves != nullptr || windows(); }
  [[nodiscard]] bool windows() const { return byte_windows != nullptr || half_windows != nullptr; }

  /// As many as there can be, where there are no windows.
  [[nodiscard]] std::int64_t window_rows() const {
    return byte_windows != nullptr   ? byte_windows->window_rows()
           : half_windows != nullptr ? half_windows->window_rows()
                                     : std::numeric_limits<std::int64_t>::max();
  }
};

/// Queues out (padded_rows, pitch) <- [x, 1, 0 ...] for the rows of a part of a selection, in the
/// arithmetic T, standardized; 0 from part.count on. Rows held are taken by `indexes`, part.count
/// of them, or, where that is null, from part.first on; from windows as the part says, with `whole`
/// and `ahead` as RowWindows::at has them. Element by element: deterministic, and bytes give the
/// bits of float32. Throws DeviceError, and what a source throws.
template <class T>
void queue_unpack(const PackedPlace& place, const RowSelection& part, const std::int64_t* indexes,
                  std::int64_t whole, const RowsAhead& ahead, std::int64_t padded_rows,
                  std::int64_t pitch, cudaStream_t stream, T* out);

}  // namespace steepest::kernels
