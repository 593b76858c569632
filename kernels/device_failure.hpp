// SPDX-License-Identifier: Apache-2.0
// What a user reads when a GPU fails. Host code, so that every build compiles and tests it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "steepest/error.hpp"

namespace steepest::kernels {

/// `doing` completes "the GPU failed while ..."; `reason` is the runtime's own word.
[[nodiscard]] DeviceError device_failure(std::string_view doing, std::string_view reason);

/// `what` is plural and names what was to be stored.
[[nodiscard]] DeviceError out_of_device_memory(std::string_view what, std::int64_t bytes_needed,
                                               std::int64_t bytes_free, std::int64_t bytes_total);

/// Why a machine whose driver knows CUDA `driver` (1000 * major + 10 * minor, 0 for no driver)
/// shows no device to a build with CUDA `build`. `reason` is the runtime's own word.
[[nodiscard]] std::string no_device_problem(int driver, int build, std::string_view reason);

}  // namespace steepest::kernels
