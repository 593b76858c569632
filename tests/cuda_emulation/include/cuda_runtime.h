// SPDX-License-Identifier: Apache-2.0
// Stands in for CUDA's header of this name, so that a C++ compiler builds kernels/*.cu as they are.
//
// Emulated, on one host thread: the language of kernels as far as ours use it, barriers, exchanges
// of whole warps, shared memory that a launch asks for and its limits, memory apart from the
// host's, blocks that work together (clusters, cooperative launches), streams that run late,
// failures. NOT emulated: what runs at the same time (of one kernel, blocks run one after the
// other, those that work together by turns; of streams, work runs when the host waits), hence also
// memory order between running blocks and what fences do about it; lockstep of warps; contraction
// of multiply-adds, CUDA's math functions; speed. NOT checked: what nvcc accepts, registers, the
// size of shared memory that a kernel declares.
#pragma once

#include <cstddef>
#include <functional>
#include <tuple>
#include <utility>

#include "tests/cuda_emulation/block.hpp"
#include "tests/cuda_emulation/warp_product.hpp"

// The names are CUDA's. NOLINTBEGIN(readability-identifier-naming,bugprone-reserved-identifier)

#define CUDART_VERSION 13000
#define __global__
#define __device__
#define __host__
// One is enough: blocks run one after the other, each finding the last's. Blocks of a cluster have
// one together, so they may keep there only what is the same for all.
#define __shared__ static
#define __launch_bounds__(...)
#define __grid_constant__

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorInsufficientDriver = 35,
  cudaErrorNoDevice = 100,
  cudaErrorInvalidDevice = 101,
  cudaErrorInvalidResourceHandle = 400,
  cudaErrorCooperativeLaunchTooLarge = 720,
  cudaErrorUnknown = 999
};
enum cudaDeviceAttr {
  cudaDevAttrComputeMode = 20,
  cudaDevAttrComputeCapabilityMajor = 75,
  cudaDevAttrMultiProcessorCount = 16,
  cudaDevAttrMaxSharedMemoryPerBlockOptin = 97
};
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };
enum cudaComputeMode { cudaComputeModeDefault = 0, cudaComputeModeProhibited = 2 };
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2 };
inline constexpr unsigned cudaStreamNonBlocking = 1;
inline constexpr unsigned cudaEventDisableTiming = 2;

using cudaStream_t = struct CUstream_st*;
using cudaEvent_t = struct CUevent_st*;
using cudaGraph_t = struct CUgraph_st*;
using cudaGraphExec_t = struct CUgraphExec_st*;
enum cudaStreamCaptureMode { cudaStreamCaptureModeThreadLocal = 1 };

struct dim3 {
  unsigned x = 1;
  unsigned y = 1;
  unsigned z = 1;

  constexpr dim3(unsigned along_x = 1, unsigned along_y = 1, unsigned along_z = 1)  // NOLINT
      : x(along_x), y(along_y), z(along_z) {}
};

enum cudaLaunchAttributeID {
  cudaLaunchAttributeCooperative = 2,
  cudaLaunchAttributeClusterDimension = 4
};
union cudaLaunchAttributeValue {
  int cooperative;  // here also how many blocks wait for each other: see launch.cuh
  struct {
    unsigned x;
    unsigned y;
    unsigned z;
  } clusterDim;
};
struct cudaLaunchAttribute {
  cudaLaunchAttributeID id;
  cudaLaunchAttributeValue val;
};

/// Launches have one dimension here.
struct cudaLaunchConfig_t {
  dim3 gridDim;
  dim3 blockDim;
  std::size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
  cudaLaunchAttribute* attrs = nullptr;
  unsigned numAttrs = 0;
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

/// Queues a kernel whose every thread calls `body`, by blocks in random order. `kernel` is its
/// address, by which shared memory beyond 48 KB is allowed.
cudaError_t queue_kernel(const cudaLaunchConfig_t& config, const void* kernel,
                         std::function<void()> body);

/// The shared memory that the launch of this block asked for, aligned to 128 bytes. Every block
/// finds it filled with 0xFF; a block that wrote past its end is misuse().
unsigned char* dynamic_shared_memory();

inline int cluster_rank() { return static_cast<int>(current_rank); }

/// Where that lies in the shared memory of another block of the cluster. Calls misuse() for what is
/// not of the memory that the launch asked for.
const void* shared_of_rank(const void* own, int rank);

/// Allows launches of a kernel that much shared memory.
cudaError_t allow_shared_memory(const void* kernel, int bytes);

/// One exchange of a value within a warp, all of whose threads take part.
template <class T>
T value_of_lane(unsigned mask, const T& value, unsigned lane, unsigned line) {
  static_assert(sizeof(T) <= sizeof(double));
  require_whole_warp(mask);
  T other{};
  exchange_in_warp(&value, lane, sizeof(T), &other, line);
  return other;
}

}  // namespace steepest::emulation

inline const auto& threadIdx = steepest::emulation::current_thread;
/// Of a block of a cluster: the first's, and its rank.
struct EmulatedBlockIndex {
  struct X {
    operator unsigned() const {  // NOLINT
      return steepest::emulation::current_block.x + steepest::emulation::current_rank;
    }
  } x;
};
inline const EmulatedBlockIndex blockIdx;
inline const auto& blockDim = steepest::emulation::current_block_size;
inline const auto& gridDim = steepest::emulation::current_grid;

inline void __syncthreads(unsigned line = __builtin_LINE()) {
  steepest::emulation::wait_at_barrier(line);
}

inline void __syncwarp(unsigned mask = ~0U, unsigned line = __builtin_LINE()) {
  steepest::emulation::require_whole_warp(mask);
  steepest::emulation::wait_for_warp(line);
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, unsigned line = __builtin_LINE()) {
  const unsigned own = threadIdx.x % steepest::emulation::warp_threads;
  return steepest::emulation::value_of_lane(mask, value, own ^ static_cast<unsigned>(lanes), line);
}

template <class T>
T __shfl_sync(unsigned mask, T value, int lane, unsigned line = __builtin_LINE()) {
  return steepest::emulation::value_of_lane(mask, value, static_cast<unsigned>(lane), line);
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
      *config, reinterpret_cast<const void*>(kernel),
      [kernel, values = std::tuple<Parameters...>(std::forward<Arguments>(arguments)...)] {
        std::apply(kernel, values);
      });
}

template <class Kernel>
cudaError_t cudaFuncSetAttribute(Kernel* kernel, cudaFuncAttribute /*attribute*/, int value) {
  return steepest::emulation::allow_shared_memory(reinterpret_cast<const void*>(kernel), value);
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
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventDestroy(cudaEvent_t event);

/// Work queued to the stream from here on waits in a graph. Only one stream is captured at a time;
/// waiting, marking, allocating and freeing in between end the process.
cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph,
                                 unsigned long long flags);
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable);

// NOLINTEND(readability-identifier-naming,bugprone-reserved-identifier)
