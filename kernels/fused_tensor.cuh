// SPDX-License-Identifier: Apache-2.0
// The fused pass on tensor cores: as the tile kernel, with both products rounded.
#pragma once

#include <cuda_runtime.h>

#include "kernels/fused_task.cuh"
#include "kernels/rounding.hpp"

namespace steepest::kernels {

/// As queue_tile(), for groups of at most tensor_columns columns that fit: see tensor_shape().
/// Where one block cannot hold a tile, a cluster does, each of its blocks a share of the features.
/// Features, parameters and residuals are rounded to tf32 or bf16 where they are multiplied, and
/// nowhere else: losses are those of scores that are sums in float.
///
/// Complexity: 4 * rows * (d + 1) * columns flops, columns rounded up to those of a kernel.
/// Determinism: a block or cluster a partition and group, a warp a set of features, which add in a
/// fixed order. Needs machine code for compute capability 9.0. Throws DeviceError.
void queue_tensor(const FusedTask<float>& task, Rounding rounding, cudaStream_t stream);

}  // namespace steepest::kernels
