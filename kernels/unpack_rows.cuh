// SPDX-License-Identifier: Apache-2.0
// Rows of features in device memory in fewer bits than the arithmetic, and how a pass gets them.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <limits>

#include "kernels/packed_features.cuh"
#include "kernels/row_selection.hpp"
#include "kernels/row_windows.cuh"

namespace steepest::kernels {

/// Packed features, held or passing through windows: one of four pointers is not null.
struct PackedPlace : PackedFeatures {
  RowWindows<std::uint8_t>* byte_windows = nullptr;
  RowWindows<std::uint16_t>* half_windows = nullptr;

  [[nodiscard]] bool any() const { return are_held() || windows(); }
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
