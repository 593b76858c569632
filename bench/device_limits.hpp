// SPDX-License-Identifier: Apache-2.0
// What a GPU can do at best: a plain read of its memory, the floor of every pass over rows.
#pragma once

#include <cstdint>
#include <memory>

namespace steepest::bench {

/// An array in the memory of a GPU, and the fastest plain read of it that we can write.
class DeviceRead {
 public:
  DeviceRead() = default;
  DeviceRead(const DeviceRead&) = delete;
  DeviceRead& operator=(const DeviceRead&) = delete;
  virtual ~DeviceRead() = default;

  /// Reads the array `times` times, one launch each, and waits once.
  virtual void run(std::int64_t times) = 0;
};

/// Throws DeviceError, in a build without CUDA always.
[[nodiscard]] std::unique_ptr<DeviceRead> make_device_read(int ordinal, std::int64_t bytes);

}  // namespace steepest::bench
