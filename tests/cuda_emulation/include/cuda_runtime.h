// SPDX-License-Identifier: Apache-2.0
// Stands in for CUDA's header of this name, so that a C++ compiler builds kernels/*.cu as they are.
//
// Emulated, on one host thread: the language of kernels as far as ours use it, barriers, memory
// apart from the host's, streams that run late, failures. NOT emulated: what runs at the same time
// (of one kernel, blocks run one after the other; of streams, work runs when the host waits), hence
// also memory order between running blocks and what fences do about it; warps; contraction of
// multiply-adds, CUDA's math functions; speed. NOT checked: what nvcc accepts, registers, the size
// of shared memory.
#pragma once

#include <cstddef>
#include <functional>
#include <tuple>
#include <utility>

#include "tests/cuda_emulation/block.hpp"

// The names are CUDA's. NOLINTBEGIN(readability-identifier-naming,bugprone-reserved-identifier)

#define CUDART_VERSION 13000
#define __global__
#define __device__
#define __host__
#define __shared__ static  // one is enough: blocks run one after the other, each finding the last's
#define __launch_bounds__(...)

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorInvalidResourceHandle = 400,
  cudaErrorUnknown = 999
};
enum cudaDeviceAttr { cudaDevAttrComputeMode = 20 };
enum cudaComputeMode { cudaComputeModeDefault = 0, cudaComputeModeProhibited = 2 };
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2 };
inline constexpr unsigned cudaStreamNonBlocking = 1;
inline constexpr unsigned cudaEventDisableTiming = 2;

using cudaStream_t = struct CUstream_st*;
using cudaEvent_t = struct CUevent_st*;

struct dim3 {
  unsigned x = 1;
  unsigned y = 1;
  unsigned z = 1;

  constexpr dim3(unsigned along_x = 1, unsigned along_y = 1, unsigned along_z = 1)  // NOLINT
      : x(along_x), y(along_y), z(along_z) {}
};

/// Launches have one dimension here, and no shared memory but what a kernel declares.
struct cudaLaunchConfig_t {
  dim3 gridDim;
  dim3 blockDim;
  std::size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
};

struct cudaDeviceProp {
  char name[256];
  std::size_t totalGlobalMem;
  int major;
  int minor;
  int multiProcessorCount;
};

namespace steepest::emulation {

extern Index current_block;
extern dim3 current_grid;
extern dim3 current_block_size;

/// Queues work behind that of a stream of the current device. There is no legacy default stream.
cudaError_t queue_work(cudaStream_t stream, std::function<void()> work);

/// Queues a kernel whose every thread calls `body`, by blocks in random order.
cudaError_t queue_kernel(const cudaLaunchConfig_t& config, std::function<void()> body);

}  // namespace steepest::emulation

inline const auto& threadIdx = steepest::emulation::current_thread;
inline const auto& blockIdx = steepest::emulation::current_block;
inline const auto& blockDim = steepest::emulation::current_block_size;
inline const auto& gridDim = steepest::emulation::current_grid;

inline void __syncthreads(unsigned line = __builtin_LINE()) {
  steepest::emulation::wait_at_barrier(line);
}

/// Nothing runs at the same time, so this orders nothing and its absence is not seen.
inline void __threadfence() {}

inline unsigned atomicAdd(unsigned* address, unsigned value) {
  const unsigned old = *address;
  *address += value;
  return old;
}

/// Takes the arguments at the call, as CUDA does.
template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  return steepest::emulation::queue_kernel(
      *config, [kernel, values = std::tuple<Parameters...>(std::forward<Arguments>(arguments)...)] {
        std::apply(kernel, values);
      });
}

cudaError_t cudaGetLastError();
const char* cudaGetErrorString(cudaError_t status);

cudaError_t cudaDriverGetVersion(int* version);
cudaError_t cudaGetDeviceCount(int* count);
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaSetDevice(int device);

cudaError_t cudaMemGetInfo(std::size_t* free_bytes, std::size_t* total_bytes);
cudaError_t cudaMalloc(void** memory, std::size_t bytes);
cudaError_t cudaFree(void* memory);
cudaError_t cudaMallocHost(void** memory, std::size_t bytes);
cudaError_t cudaFreeHost(void* memory);
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t stream);

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventDestroy(cudaEvent_t event);

// NOLINTEND(readability-identifier-naming,bugprone-reserved-identifier)
