// SPDX-License-Identifier: Apache-2.0
// What a run can execute on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace steepest {

enum class DeviceKind { cpu, cuda };

/// A device of this machine, usable or not.
struct DeviceInfo {
  DeviceKind kind = DeviceKind::cpu;
  int ordinal = 0;   ///< N of cuda:N
  std::string name;  ///< processor or GPU, with instruction set or compute capability
  std::int64_t memory_bytes = 0;
  int threads = 0;  ///< CPU: threads used; CUDA: multiprocessors
  bool usable = true;
  std::string problem;  ///< why not usable
};

/// What `--device` asked for.
struct DeviceChoice {
  enum class Kind { automatic, cpu, cuda } kind = Kind::automatic;
  int ordinal = 0;
};

/// Parses auto, cpu, cuda, cuda:N. Throws OptionError that lists them.
[[nodiscard]] DeviceChoice parse_device(std::string_view text);

/// "cpu" or "cuda".
[[nodiscard]] std::string_view name(DeviceKind kind);

/// The CPU, then every CUDA device; where there is none, one entry of kind cuda says why.
[[nodiscard]] std::vector<DeviceInfo> list_devices();

}  // namespace steepest
