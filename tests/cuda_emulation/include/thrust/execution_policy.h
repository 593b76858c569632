// SPDX-License-Identifier: Apache-2.0
// Stands in for Thrust's header of this name: thrust::cuda::par_nosync.on(stream) alone.
#pragma once

#include <cuda_runtime.h>

namespace thrust::cuda {

struct Policy {
  cudaStream_t stream = nullptr;

  [[nodiscard]] Policy on(cudaStream_t other) const { return {other}; }
};

inline constexpr Policy par_nosync;

}  // namespace thrust::cuda
