// SPDX-License-Identifier: Apache-2.0
// Device memory: host memory that is fenced, poisoned and counted.
#pragma once

#include <cstdint>

namespace steepest::emulation {

/// `bytes` > 0 of 0xFF (a NaN in every float and double), aligned as by cudaMalloc, between fences
/// of 256 bytes of 0xFF. Null when the machine has less left. From 4 GiB on an array is 0 instead,
/// and takes up memory where it is touched, so tests may reach indexes beyond 2^31.
[[nodiscard]] void* allocate(std::int64_t bytes);

/// Null is no call. Calls misuse() when memory was not allocated, or when a fence was written to.
/// Reads past an end are only seen by the NaNs they bring, and kernels that reach into another
/// allocation are not seen at all.
void release(void* memory);

[[nodiscard]] std::int64_t free_bytes();

/// Calls misuse() unless [first, first + bytes) lies in one allocation. `what` names the range.
void require_on_device(const void* first, std::int64_t bytes, const char* what);

/// Calls misuse() when `address` lies in an allocation.
void require_on_host(const void* address, const char* what);

}  // namespace steepest::emulation
