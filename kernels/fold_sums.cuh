// SPDX-License-Identifier: Apache-2.0
// Many partial sums of a pass, added up by many threads before the update takes them.
#pragma once

#include <cuda_runtime.h>

#include "kernels/pass_sums.cuh"

namespace steepest::kernels {

/// gradient (columns, d + 1) and losses (models), in device memory, become all that `sums` holds;
/// they may be the arrays that it carries. Queues one kernel.
/// Determinism: 32 slices of the partitions, added in order and in double, then a fixed tree.
/// Throws DeviceError.
template <class T>
void queue_fold(const PassSums<T>& sums, cudaStream_t stream, double* gradient, double* losses);

}  // namespace steepest::kernels
