// SPDX-License-Identifier: Apache-2.0
// Shared memory whose size a launch says, up to what one block of the device may have.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/check.cuh"

namespace steepest::kernels {

/// Within a kernel: the bytes that LaunchShared asked for, aligned to 128 bytes, not initialised.
[[nodiscard]] __device__ inline unsigned char* launch_shared_memory() {
#ifdef __CUDACC__
  extern __shared__ __align__(128) unsigned char launch_shared_bytes[];
  return launch_shared_bytes;
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

}  // namespace steepest::kernels
