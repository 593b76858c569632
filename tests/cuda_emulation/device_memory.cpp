// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda_emulation/device_memory.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "tests/cuda_emulation/emulation.hpp"

namespace steepest::emulation {
namespace {

constexpr std::int64_t fence_bytes = 256;  // also the alignment of cudaMalloc
constexpr std::byte poison{0xFF};

// Bytes of each allocation, by its first byte.
using Allocations = std::map<const std::byte*, std::int64_t>;

Allocations& allocations() {
  static Allocations all;
  return all;
}

// The allocation that holds an address, its end included; end() for none.
Allocations::const_iterator allocation_of(const void* address) {
  const auto* byte = static_cast<const std::byte*>(address);
  auto after = allocations().upper_bound(byte);
  if (after == allocations().begin()) {
    return allocations().end();
  }
  --after;
  return byte <= after->first + after->second ? after : allocations().end();
}

bool intact(const std::byte* fence) {
  return std::all_of(fence, fence + fence_bytes, [](std::byte value) { return value == poison; });
}

}  // namespace

void* allocate(std::int64_t bytes) {
  ++counts().allocations;
  if (bytes > free_bytes()) {
    return nullptr;
  }
  const std::int64_t fenced = (bytes + 3 * fence_bytes - 1) / fence_bytes * fence_bytes;
  auto* start =
      static_cast<std::byte*>(std::aligned_alloc(fence_bytes, static_cast<std::size_t>(fenced)));
  std::memset(start, std::to_integer<int>(poison), static_cast<std::size_t>(fenced));
  std::byte* memory = start + fence_bytes;
  allocations().emplace(memory, bytes);
  counts().bytes_held += bytes;
  return memory;
}

void release(void* memory) {
  if (memory == nullptr) {
    return;
  }
  auto* first = static_cast<std::byte*>(memory);
  const auto found = allocations().find(first);
  if (found == allocations().end()) {
    misuse("freed what was not allocated");
  }
  const std::int64_t bytes = found->second;
  if (!intact(first - fence_bytes) || !intact(first + bytes)) {
    misuse("wrote before or past an array of " + std::to_string(bytes) + " bytes");
  }
  counts().bytes_held -= bytes;
  allocations().erase(found);
  std::free(first - fence_bytes);
}

std::int64_t free_bytes() { return machine().memory_bytes - counts().bytes_held; }

void require_on_device(const void* first, std::int64_t bytes, const char* what) {
  const auto found = allocation_of(first);
  const auto* byte = static_cast<const std::byte*>(first);
  if (found == allocations().end() || byte + bytes > found->first + found->second) {
    misuse(std::string(what) + " does not lie in one array on the device");
  }
}

void require_on_host(const void* address, const char* what) {
  const auto found = allocation_of(address);
  if (found != allocations().end() && address != found->first + found->second) {
    misuse(std::string(what) + " lies on the device");
  }
}

}  // namespace steepest::emulation
