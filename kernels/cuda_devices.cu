// SPDX-License-Identifier: Apache-2.0
// The CUDA devices of this machine, or why there is none.
#include <cuda_runtime.h>

#include <string>

#include "kernels/backend.hpp"
#include "kernels/check.cuh"
#include "kernels/device_failure.hpp"

namespace steepest::kernels {
namespace {

// The oldest architecture code is compiled for, see cmake/Cuda.cmake.
constexpr int oldest_major = 7;
constexpr int oldest_minor = 5;

std::string why_no_devices(cudaError_t status) {
  static_cast<void>(cudaGetLastError());
  int driver = 0;
  check(cudaDriverGetVersion(&driver), "asking for the driver's version");
  return no_device_problem(driver, CUDART_VERSION, cudaGetErrorString(status));
}

DeviceInfo describe(int ordinal) {
  DeviceInfo info;
  info.kind = DeviceKind::cuda;
  info.ordinal = ordinal;
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, ordinal), "asking for its properties");
  int compute_mode = cudaComputeModeDefault;
  check(cudaDeviceGetAttribute(&compute_mode, cudaDevAttrComputeMode, ordinal),
        "asking for its properties");
  info.name = std::string(properties.name) + " (compute capability " +
              std::to_string(properties.major) + "." + std::to_string(properties.minor) + ")";
  info.memory_bytes = static_cast<std::int64_t>(properties.totalGlobalMem);
  info.threads = properties.multiProcessorCount;
  const bool too_old = properties.major < oldest_major ||
                       (properties.major == oldest_major && properties.minor < oldest_minor);
  if (too_old) {
    info.problem = "its compute capability is below 7.5, the oldest this build has code for";
  } else if (compute_mode == cudaComputeModeProhibited) {
    info.problem = "its compute mode is prohibited: ask the administrator for nvidia-smi -c 0";
  }
  info.usable = info.problem.empty();
  return info;
}

}  // namespace

std::vector<DeviceInfo> describe_cuda_devices() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0) {
    DeviceInfo none;
    none.kind = DeviceKind::cuda;
    none.name = "CUDA";
    none.usable = false;
    none.problem = why_no_devices(status);
    return {none};
  }
  std::vector<DeviceInfo> devices;
  devices.reserve(static_cast<std::size_t>(count));
  for (int ordinal = 0; ordinal < count; ++ordinal) {
    devices.push_back(describe(ordinal));
  }
  return devices;
}

}  // namespace steepest::kernels
