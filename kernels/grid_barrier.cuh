// SPDX-License-Identifier: Apache-2.0
// Blocks of a launch that wait for each other in device memory: LaunchShared::grid.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/check.cuh"

namespace steepest::kernels {

/// Multiprocessors of a device: as many blocks run at the same time at least. Throws DeviceError.
[[nodiscard]] inline std::int64_t multiprocessors(int ordinal) {
  int count = 0;
  check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, ordinal),
        "asking for its properties");
  return count;
}

/// All threads of the `blocks` blocks that share `arrivals` wait for each other here; what they
/// wrote before, all may read after by read_of_grid(). `arrivals` is 0 before the launch, and
/// counts up to 2^32 - 1 arrivals in it. All of these blocks must run at the same time.
__device__ inline void wait_for_grid([[maybe_unused]] unsigned* arrivals,
                                     [[maybe_unused]] unsigned blocks) {
#ifndef __CUDACC__
  emulation::wait_for_cluster(__builtin_LINE());  // of tests/cuda_emulation
#else
  __syncthreads();
  if (threadIdx.x == 0) {
    __threadfence();
    const unsigned turn = atomicAdd(arrivals, 1U) / blocks;
    const volatile unsigned* const arrived = arrivals;
    while (*arrived / blocks <= turn) {
    }
    __threadfence();
  }
  __syncthreads();
#endif
}

/// What another block wrote, past this multiprocessor's own cache.
template <class T>
[[nodiscard]] __device__ T read_of_grid(const T* address) {
#ifdef __CUDA_ARCH__
  return __ldcg(address);
#else
  return *address;
#endif
}

}  // namespace steepest::kernels
