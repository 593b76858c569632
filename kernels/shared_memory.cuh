// SPDX-License-Identifier: Apache-2.0
// Shared memory whose size a launch says, up to what one block of the device may have.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "kernels/check.cuh"
#include "kernels/launch.cuh"

namespace steepest::kernels {

/// Within a kernel: the shared memory its launch asked for, aligned to 16 bytes, not initialised.
__device__ inline unsigned char* shared_memory() {
#ifdef __CUDACC__
  extern __shared__ __align__(16) unsigned char bytes[];
  return bytes;
#else
  return emulation::dynamic_shared_memory();  // of tests/cuda_emulation
#endif
}

/// Bytes of shared memory that one block may ask for on a device. Throws DeviceError.
[[nodiscard]] inline std::int64_t most_shared_bytes(int ordinal) {
  int bytes = 0;
  check(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, ordinal),
        "asking for its shared memory");
  return bytes;
}

/// As launch(), with `shared_bytes` of shared memory a block, at most most_shared_bytes().
template <class... Parameters, class... Arguments>
void launch_sharing(const char* doing, void (*kernel)(Parameters...), std::int64_t tasks,
                    int threads, std::int64_t shared_bytes, cudaStream_t stream,
                    const Arguments&... arguments) {
  constexpr std::int64_t without_asking = std::int64_t{48} << 10;
  if (shared_bytes > without_asking) {
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(shared_bytes)),
          doing);
  }
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(std::min(tasks, most_blocks)));
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.dynamicSmemBytes = static_cast<std::size_t>(shared_bytes);
  config.stream = stream;
  check(cudaLaunchKernelEx(&config, kernel, arguments...), doing);
}

}  // namespace steepest::kernels
