// SPDX-License-Identifier: Apache-2.0
// The calls of include/cuda_runtime.h.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <numeric>
#include <vector>

#include "tests/cuda_emulation/device_memory.hpp"
#include "tests/cuda_emulation/emulation.hpp"
#include "tests/cuda_emulation/streams.hpp"

// The names are CUDA's. NOLINTBEGIN(readability-identifier-naming)

using steepest::emulation::call;
using steepest::emulation::current_device;
using steepest::emulation::finish_all_streams;
using steepest::emulation::last_error;
using steepest::emulation::machine;
using steepest::emulation::require_no_capture;
using steepest::emulation::streams;

namespace {

// Of every page-locked array.
std::map<void*, std::size_t>& pinned_bytes() {
  static std::map<void*, std::size_t> all;
  return all;
}

cudaError_t known(int device) {
  return device >= 0 && device < machine().devices ? cudaSuccess : cudaErrorInvalidDevice;
}

}  // namespace

namespace steepest::emulation {

Index current_block;
dim3 current_grid;
dim3 current_block_size;

namespace {

constexpr std::size_t shared_fence_bytes = 64;
constexpr unsigned char poison = 0xFF;

// The launch's, aligned as kernels ask, then a fence.
class SharedMemory {
 public:
  void begin(std::size_t bytes) {
    bytes_ = bytes;
    held_.assign(bytes + alignment + shared_fence_bytes, poison);
  }
  [[nodiscard]] unsigned char* data() {
    void* start = held_.data();
    std::size_t room = held_.size();
    return static_cast<unsigned char*>(std::align(alignment, bytes_, start, room));
  }
  [[nodiscard]] std::ptrdiff_t bytes() const { return static_cast<std::ptrdiff_t>(bytes_); }
  [[nodiscard]] bool fence_stands() {
    return std::all_of(data() + bytes_, data() + bytes_ + shared_fence_bytes,
                       [](unsigned char value) { return value == poison; });
  }

 private:
  static constexpr std::size_t alignment = 128;
  std::size_t bytes_ = 0;
  std::vector<unsigned char> held_;
};

constexpr unsigned most_cluster_blocks = 8;
std::vector<SharedMemory> shared_memory(most_cluster_blocks);  // of the blocks that run together

// The most shared memory that kernels were allowed, by their addresses.
std::map<const void*, std::int64_t>& allowed_shared_bytes() {
  static std::map<const void*, std::int64_t> all;
  return all;
}

std::int64_t most_shared_bytes(const void* kernel) {
  constexpr std::int64_t without_asking = std::int64_t{48} << 10;
  const auto found = allowed_shared_bytes().find(kernel);
  return found == allowed_shared_bytes().end() ? without_asking
                                               : std::max(found->second, without_asking);
}

bool is_cooperative(const cudaLaunchConfig_t& config) {
  return config.numAttrs > 0 && config.attrs->id == cudaLaunchAttributeCooperative;
}

// Blocks that work together.
unsigned together_of(const cudaLaunchConfig_t& config) {
  return config.numAttrs == 0     ? 1
         : is_cooperative(config) ? static_cast<unsigned>(config.attrs->val.cooperative)
                                  : config.attrs->val.clusterDim.x;
}

void run_grid(const cudaLaunchConfig_t& config, unsigned together,
              const std::function<void()>& body) {
  current_grid = config.gridDim;
  current_block_size = config.blockDim;
  shared_memory.resize(std::max<std::size_t>(shared_memory.size(), together));
  std::vector<unsigned> order(config.gridDim.x / together);
  std::iota(order.begin(), order.end(), 0U);
  std::shuffle(order.begin(), order.end(), random_order());
  for (const unsigned index : order) {
    current_block.x = index * together;
    for (unsigned rank = 0; rank < together; ++rank) {
      shared_memory[rank].begin(config.dynamicSmemBytes);
    }
    run_cluster(together, config.blockDim.x, body);
    for (unsigned rank = 0; rank < together; ++rank) {
      if (!shared_memory[rank].fence_stands()) {
        misuse("a block wrote past its shared memory");
      }
    }
  }
}

}  // namespace

unsigned char* dynamic_shared_memory() { return shared_memory[current_rank].data(); }

const void* shared_of_rank(const void* own, int rank) {
  const std::ptrdiff_t at = static_cast<const unsigned char*>(own) - dynamic_shared_memory();
  if (at < 0 || at >= shared_memory[current_rank].bytes()) {
    misuse("a block asks another for what is not in the shared memory of the launch");
  }
  return shared_memory[rank].data() + at;
}

cudaError_t allow_shared_memory(const void* kernel, int bytes) {
  return call("cudaFuncSetAttribute", [&] {
    if (bytes > machine().shared_bytes) {
      return cudaErrorInvalidValue;
    }
    allowed_shared_bytes()[kernel] = bytes;
    return cudaSuccess;
  });
}

cudaError_t queue_kernel(const cudaLaunchConfig_t& config, const void* kernel,
                         std::function<void()> body) {
  return call("cudaLaunchKernelEx", [&] {
    constexpr unsigned most_threads = 1024;
    const unsigned threads = config.blockDim.x;
    const unsigned together = together_of(config);
    const bool all_at_once = is_cooperative(config);
    if (config.gridDim.x == 0 || threads == 0 || threads > most_threads || together == 0 ||
        (!all_at_once && together > most_cluster_blocks) || config.gridDim.x % together != 0) {
      return cudaErrorInvalidConfiguration;
    }
    if (all_at_once && config.gridDim.x > static_cast<unsigned>(machine().multiprocessors)) {
      return cudaErrorCooperativeLaunchTooLarge;
    }
    if (static_cast<std::int64_t>(config.dynamicSmemBytes) > most_shared_bytes(kernel)) {
      return cudaErrorInvalidValue;
    }
    ++counts().launches;
    cudaLaunchConfig_t cut = config;
    cut.gridDim.x = static_cast<unsigned>(std::min<std::int64_t>(
        config.gridDim.x, std::max<std::int64_t>(1, machine().most_blocks / together) * together));
    return queue_work(config.stream,
                      [cut, together, body = std::move(body)] { run_grid(cut, together, body); });
  });
}

}  // namespace steepest::emulation

cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }

const char* cudaGetErrorString(cudaError_t status) {
  switch (status) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    case cudaErrorInsufficientDriver:
      return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    case cudaErrorInvalidResourceHandle:
      return "invalid resource handle";
    case cudaErrorCooperativeLaunchTooLarge:
      return "too many blocks in cooperative launch";
    case cudaErrorUnknown:
      break;
  }
  return "emulated failure";
}

cudaError_t cudaDriverGetVersion(int* version) {
  return call(__func__, [&] {
    *version = machine().driver;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDeviceCount(int* count) {
  return call(__func__, [&] {
    *count = 0;
    if (machine().driver / 1000 < CUDART_VERSION / 1000) {
      return cudaErrorInsufficientDriver;
    }
    *count = machine().devices;
    return *count > 0 ? cudaSuccess : cudaErrorNoDevice;
  });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return call(__func__, [&] {
    *properties = {"Emulated", static_cast<std::size_t>(machine().memory_bytes),
                   machine().compute_major, machine().compute_minor, machine().multiprocessors};
    return known(device);
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return call(__func__, [&] {
    switch (attribute) {
      case cudaDevAttrMaxSharedMemoryPerBlockOptin:
        *value = static_cast<int>(machine().shared_bytes);
        break;
      case cudaDevAttrComputeCapabilityMajor:
        *value = machine().compute_major;
        break;
      case cudaDevAttrMultiProcessorCount:
        *value = machine().multiprocessors;
        break;
      case cudaDevAttrComputeMode:
        *value = machine().prohibited ? cudaComputeModeProhibited : cudaComputeModeDefault;
        break;
    }
    return known(device);
  });
}

cudaError_t cudaGetDevice(int* device) {
  return call(__func__, [&] {
    *device = current_device;
    return cudaSuccess;
  });
}

cudaError_t cudaSetDevice(int device) {
  return call(__func__, [&] {
    if (known(device) == cudaSuccess) {
      current_device = device;
    }
    return known(device);
  });
}

cudaError_t cudaMemGetInfo(std::size_t* free_bytes, std::size_t* total_bytes) {
  return call(__func__, [&] {
    *free_bytes = static_cast<std::size_t>(steepest::emulation::free_bytes());
    *total_bytes = static_cast<std::size_t>(machine().memory_bytes);
    return cudaSuccess;
  });
}

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  return call(__func__, [&] {
    require_no_capture("allocates");
    *memory = steepest::emulation::allocate(static_cast<std::int64_t>(bytes));
    return *memory == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
  });
}

// Waits for all work, as CUDA's does.
cudaError_t cudaFree(void* memory) {
  return call(__func__, [&] {
    require_no_capture("frees memory");
    finish_all_streams();
    steepest::emulation::release(memory);
    return cudaSuccess;
  });
}

cudaError_t cudaMallocHost(void** memory, std::size_t bytes) {
  return call(__func__, [&] {
    *memory = std::malloc(bytes);
    std::memset(*memory, 0xFF, bytes);
    pinned_bytes()[*memory] = bytes;
    return cudaSuccess;
  });
}

// Waits for nothing: CUDA does not promise to. Work that still reads the memory reads NaNs.
cudaError_t cudaFreeHost(void* memory) {
  return call(__func__, [&] {
    std::memset(memory, 0xFF, pinned_bytes()[memory]);
    pinned_bytes().erase(memory);
    const std::shared_ptr<void> owner(memory, std::free);
    for (const cudaStream_t stream : streams()) {
      stream->queue->push([owner] {});
    }
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return call(__func__, [&] {
    const bool upload = kind == cudaMemcpyHostToDevice;
    steepest::emulation::require_on_device(upload ? to : from, static_cast<std::int64_t>(bytes),
                                           "the device's side of a copy");
    steepest::emulation::require_on_host(upload ? from : to, "the host's side of a copy");
    return steepest::emulation::queue_work(stream,
                                           [to, from, bytes] { std::memcpy(to, from, bytes); });
  });
}

cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t stream) {
  return call(__func__, [&] {
    steepest::emulation::require_on_device(memory, static_cast<std::int64_t>(bytes), "what is set");
    return steepest::emulation::queue_work(
        stream, [memory, value, bytes] { std::memset(memory, value, bytes); });
  });
}

// NOLINTEND(readability-identifier-naming)
