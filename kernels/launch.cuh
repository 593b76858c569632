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
/// how many blocks work on a task together: a cluster's read each other's shared memory, see
/// kernels/cluster.cuh, a grid's wait for each other in device memory, see
/// kernels/grid_barrier.cuh. One of both is 1.
struct LaunchShared {
  std::int64_t bytes = 0;
  std::int64_t cluster = 1;  ///< blocks: a power of two up to 8
  std::int64_t grid = 1;     ///< blocks: all of the launch run at the same time, or it fails
};

/// Queues kernel(arguments...) with one block a task, or as many as work on it together. `doing`
/// completes "the GPU failed while ...". Throws DeviceError when it cannot be launched; what goes
/// wrong later, a later call reports.
template <class... Parameters, class... Arguments>
void launch(const char* doing, void (*kernel)(Parameters...), std::int64_t tasks, int threads,
            LaunchShared shared, cudaStream_t stream, const Arguments&... arguments) {
  if (shared.bytes > 0) {
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(shared.bytes)),
          doing);
  }
  cudaLaunchConfig_t config{};
  const std::int64_t together = shared.cluster * shared.grid;
  config.gridDim = dim3(static_cast<unsigned>(std::min(tasks, most_blocks / together) * together));
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.dynamicSmemBytes = static_cast<std::size_t>(shared.bytes);
  config.stream = stream;
  cudaLaunchAttribute attribute{};
  if (shared.grid > 1) {
    attribute.id = cudaLaunchAttributeCooperative;
    attribute.val.cooperative = static_cast<int>(shared.grid);  // CUDA asks whether it is 0
  } else {
    attribute.id = cudaLaunchAttributeClusterDimension;
    attribute.val.clusterDim.x = static_cast<unsigned>(shared.cluster);
    attribute.val.clusterDim.y = 1;
    attribute.val.clusterDim.z = 1;
  }
  config.attrs = &attribute;
  config.numAttrs = together > 1 ? 1 : 0;
  check(cudaLaunchKernelEx(&config, kernel, arguments...), doing);
}

/// As above, without such memory.
template <class... Parameters, class... Arguments>
void launch(const char* doing, void (*kernel)(Parameters...), std::int64_t tasks, int threads,
            cudaStream_t stream, const Arguments&... arguments) {
  launch(doing, kernel, tasks, threads, LaunchShared{}, stream, arguments...);
}

}  // namespace steepest::kernels
