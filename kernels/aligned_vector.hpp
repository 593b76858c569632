// SPDX-License-Identifier: Apache-2.0
// Vectors that begin at a cache line, so that the widest loads touch one line and not two; large
// ones lie in large pages.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

#include "kernels/page_block.hpp"

namespace steepest::kernels {

/// The standard allocator, aligned to the cache lines of current processors, or a block of pages of
/// its own: see page_block.hpp.
template <class T>
struct LineAllocator {
  using value_type = T;  // NOLINT(readability-identifier-naming): the name the standard asks for

  static constexpr std::align_val_t line{64};

  LineAllocator() = default;
  template <class U>
  LineAllocator(const LineAllocator<U>& /*other*/) {}  // NOLINT: as allocators are converted

  T* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    return static_cast<T*>(bytes < fewest_block_bytes ? ::operator new(bytes, line)
                                                      : static_cast<void*>(take_page_block(bytes)));
  }
  void deallocate(T* pointer, std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    if (bytes < fewest_block_bytes) {
      ::operator delete(pointer, line);
    } else {
      free_page_block(reinterpret_cast<char*>(pointer), bytes);
    }
  }

  bool operator==(const LineAllocator&) const = default;
};

template <class T>
using AlignedVector = std::vector<T, LineAllocator<T>>;

}  // namespace steepest::kernels
