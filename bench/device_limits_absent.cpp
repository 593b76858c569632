// SPDX-License-Identifier: Apache-2.0
// Stands in for device_limits.cu in a build without the CUDA toolkit.
#include "bench/device_limits.hpp"
#include "steepest/error.hpp"

namespace steepest::bench {

std::unique_ptr<DeviceRead> make_device_read(int /*ordinal*/, std::int64_t /*bytes*/) {
  throw DeviceError("this build has no CUDA: configure it with nvcc on PATH");
}

}  // namespace steepest::bench
