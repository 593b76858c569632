// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda_emulation/device_memory.hpp"

#include <sys/mman.h>

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

// From here on an array's pages are there when they are touched, and 0 until then.
constexpr std::int64_t sparse_bytes = std::int64_t{1} << 32;

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

std::int64_t with_fences(std::int64_t bytes) {
  return (bytes + 3 * fence_bytes - 1) / fence_bytes * fence_bytes;
}

std::byte* reserve(std::int64_t bytes, std::int64_t fenced) {
  if (bytes < sparse_bytes) {
    auto* const start =
        static_cast<std::byte*>(std::aligned_alloc(fence_bytes, static_cast<std::size_t>(fenced)));
    std::memset(start, std::to_integer<int>(poison), static_cast<std::size_t>(fenced));
    return start;
  }
  void* const start = mmap(nullptr, static_cast<std::size_t>(fenced), PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED) {
    return nullptr;
  }
  auto* const first = static_cast<std::byte*>(start);
  std::memset(first, std::to_integer<int>(poison), fence_bytes);
  std::memset(first + fence_bytes + bytes, std::to_integer<int>(poison), fence_bytes);
  return first;
}

}  // namespace

void* allocate(std::int64_t bytes) {
  ++counts().allocations;
  if (bytes > free_bytes()) {
    return nullptr;
  }
  std::byte* const start = reserve(bytes, with_fences(bytes));
  if (start == nullptr) {
    return nullptr;
  }
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
  if (bytes < sparse_bytes) {
    std::free(first - fence_bytes);
  } else {
    munmap(first - fence_bytes, static_cast<std::size_t>(with_fences(bytes)));
  }
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
