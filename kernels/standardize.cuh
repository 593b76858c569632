// SPDX-License-Identifier: Apache-2.0
// Standardizes features on their way into device memory.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <functional>

#include "kernels/standardize.hpp"

namespace steepest::kernels {

/// Copies rows [first, first + rows) of x into `to`, (rows, d).
using CopyRows = std::function<void(std::int64_t first, std::int64_t rows, float* to)>;

/// out (rows, pitch) <- [(x - mean) / scale, 1, 0 ...] from x (rows, d) on the host, by the
/// arithmetic of standardize_rows, rounded to float32 as on the CPU, then widened to T. The column
/// of ones makes intercepts a part of every product.
///
/// The host is read in pieces through two page-locked buffers of at most 32 MB, so one is filled
/// while the other is copied; returns when all is done. Element by element: deterministic.
/// Throws DeviceError.
template <class T>
void upload_standardized(std::int64_t rows, const CopyRows& copy, const ColumnScales& scales,
                         std::int64_t pitch, cudaStream_t stream, T* out);

}  // namespace steepest::kernels
