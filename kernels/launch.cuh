// SPDX-License-Identifier: Apache-2.0
// Launches a kernel and checks that it started.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels/check.cuh"

namespace steepest::kernels {

/// Blocks a launch has at most. A kernel therefore walks its tasks by gridDim.x; no result depends
/// on the number of blocks.
inline constexpr std::int64_t most_blocks = std::int64_t{1} << 20;

/// Shared memory of every block beside what its kernel declares, see kernels/shared_memory.cuh, and
/// how many blocks may read each other's, see kernels/cluster.cuh: those work on a task together.
struct LaunchShared {
  std::int64_t bytes = 0;
  std::int64_t cluster = 1;  ///< blocks: a power of two up to 8
};

/// Queues kernel(arguments...) with one block, or cluster, a task. `doing` completes "the GPU
/// failed while ...". Throws DeviceError when it cannot be launched; what goes wrong later, a later
/// call reports.
template <class... Parameters, class... Arguments>
void launch(const char* doing, void (*kernel)(Parameters...), std::int64_t tasks, int threads,
            LaunchShared shared, cudaStream_t stream, const Arguments&... arguments) {
  if (shared.bytes > 0) {
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(shared.bytes)),
          doing);
  }
  cudaLaunchConfig_t config{};
  config.gridDim =
      dim3(static_cast<unsigned>(std::min(tasks, most_blocks / shared.cluster) * shared.cluster));
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.dynamicSmemBytes = static_cast<std::size_t>(shared.bytes);
  config.stream = stream;
  cudaLaunchAttribute cluster{};
  cluster.id = cudaLaunchAttributeClusterDimension;
  cluster.val.clusterDim.x = static_cast<unsigned>(shared.cluster);
  cluster.val.clusterDim.y = 1;
  cluster.val.clusterDim.z = 1;
  config.attrs = &cluster;
  config.numAttrs = shared.cluster > 1 ? 1 : 0;
  check(cudaLaunchKernelEx(&config, kernel, arguments...), doing);
}

/// As above, without such memory.
template <class... Parameters, class... Arguments>
void launch(const char* doing, void (*kernel)(Parameters...), std::int64_t tasks, int threads,
            cudaStream_t stream, const Arguments&... arguments) {
  launch(doing, kernel, tasks, threads, LaunchShared{}, stream, arguments...);
}

}  // namespace steepest::kernels
