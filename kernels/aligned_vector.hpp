// SPDX-License-Identifier: Apache-2.0
// Vectors that begin at a cache line: the widest loads then touch one line, not two.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace steepest::kernels {

/// The standard allocator, aligned to the cache lines of current processors.
template <class T>
struct LineAllocator {
  using value_type = T;  // NOLINT(readability-identifier-naming): the name the standard asks for

  static constexpr std::align_val_t line{64};

  LineAllocator() = default;
  template <class U>
  LineAllocator(const LineAllocator<U>& /*other*/) {}  // NOLINT: as allocators are converted

  T* allocate(std::size_t count) {
    return static_cast<T*>(::operator new(count * sizeof(T), line));
  }
  void deallocate(T* pointer, std::size_t /*count*/) { ::operator delete(pointer, line); }

  bool operator==(const LineAllocator&) const = default;
};

template <class T>
using AlignedVector = std::vector<T, LineAllocator<T>>;

}  // namespace steepest::kernels
