// SPDX-License-Identifier: Apache-2.0
#include "kernels/device_failure.hpp"

#include <fmt/format.h>

namespace steepest::kernels {
namespace {

std::string version(int number) { return fmt::format("{}.{}", number / 1000, number % 1000 / 10); }

}  // namespace

DeviceError device_failure(std::string_view doing, std::string_view reason) {
  return DeviceError(
      fmt::format("the GPU failed while {}: {}; use another GPU or the CPU", doing, reason));
}

DeviceError out_of_device_memory(std::string_view what, std::int64_t bytes_needed,
                                 std::int64_t bytes_free, std::int64_t bytes_total) {
  const auto gigabytes = [](std::int64_t bytes) { return static_cast<double>(bytes) / 1e9; };
  return DeviceError(
      fmt::format("the GPU is out of memory: the {} need {:.3f} GB, and {:.3f} of {:.3f} GB are "
                  "free; use fewer "
                  "rows, precision fp32, another GPU or the CPU",
                  what, gigabytes(bytes_needed), gigabytes(bytes_free), gigabytes(bytes_total)));
}

std::string no_device_problem(int driver, int build, std::string_view reason) {
  if (driver == 0) {
    return "no NVIDIA driver is installed on this machine";
  }
  if (driver / 1000 < build / 1000) {
    return fmt::format("the NVIDIA driver knows CUDA {} and this build needs {}: update the driver",
                       version(driver), version(build));
  }
  return fmt::format("the NVIDIA driver shows no GPU to this process ({})", reason);
}

}  // namespace steepest::kernels
