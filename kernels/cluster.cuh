// SPDX-License-Identifier: Apache-2.0
// Blocks of a cluster, which run at the same time and read each other's shared memory: GPUs of
// compute capability 9.0, for which alone machine code is compiled that knows of them.
#pragma once

#include <cuda_runtime.h>

#include "kernels/check.cuh"

namespace steepest::kernels {

/// Whether a device can run them. Throws DeviceError.
[[nodiscard]] inline bool has_clusters(int ordinal) {
  constexpr int hopper = 9;
  int major = 0;
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, ordinal),
        "asking for its properties");
  return major == hopper;
}

/// Which block of its cluster this is.
[[nodiscard]] __device__ inline int cluster_rank() {
#ifndef __CUDACC__
  return emulation::cluster_rank();  // of tests/cuda_emulation
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
  return 0;  // never launched: see fused_pass.cu
#else
  return static_cast<int>(__clusterRelativeBlockRank());
#endif
}

/// All threads of all blocks of the cluster wait for each other here; what they wrote before, all
/// may read after.
__device__ inline void wait_for_cluster() {
#ifndef __CUDACC__
  emulation::wait_for_cluster(__builtin_LINE());
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
  __trap();
#else
  __cluster_barrier_arrive();
  __cluster_barrier_wait();
#endif
}

/// What lies in the shared memory of block `rank` of the cluster where `own` points in that of this
/// block: memory that the launch asked for. That block must not have ended.
template <class T>
[[nodiscard]] __device__ const T* shared_of_rank(const T* own, int rank) {
#ifndef __CUDACC__
  return static_cast<const T*>(emulation::shared_of_rank(own, rank));
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
  return own;
#else
  return static_cast<const T*>(__cluster_map_shared_rank(own, static_cast<unsigned>(rank)));
#endif
}

}  // namespace steepest::kernels
