// SPDX-License-Identifier: Apache-2.0
// The fused pass for few columns: a row stays in registers between its scores and its gradient.
#pragma once

#include <cuda_runtime.h>

#include "kernels/fused_task.cuh"

namespace steepest::kernels {

/// Queues one kernel: task.gradient and task.losses become the partial sums of every partition of
/// the chunk. Groups of models have at most strip_columns columns, rows at most strip_vectors
/// vectors a thread: see fused_shape(). Every group reads the rows of the chunk once, through the
/// selection's order, which costs no copy.
///
/// Complexity: 4 * rows * (d + 1) * columns flops. Determinism: a block a partition and group,
/// which adds in a fixed order, gradients in T and losses in double. Throws DeviceError.
template <class T>
void queue_strip(const FusedTask<T>& task, cudaStream_t stream);

}  // namespace steepest::kernels
