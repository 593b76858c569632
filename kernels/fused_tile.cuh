// SPDX-License-Identifier: Apache-2.0
// The fused pass for many columns: a tile of rows stays in shared memory between its scores and its
// gradient.
#pragma once

#include <cuda_runtime.h>

#include "kernels/fused_task.cuh"

namespace steepest::kernels {

/// Queues one kernel: task.gradient and task.losses become the partial sums of every partition of
/// the chunk, as by queue_strip(), for groups of at most tile_columns columns whose parameters fit
/// beside two tiles: see tile_shape(). While a tile is worked on, the next one is on its way.
///
/// Complexity: 4 * rows * (d + 1) * columns flops, columns rounded up to those of a kernel.
/// Determinism: a block a partition and group, which adds in a fixed order, gradients in T and
/// losses in double. Throws DeviceError.
template <class T>
void queue_tile(const FusedTask<T>& task, cudaStream_t stream);

}  // namespace steepest::kernels
