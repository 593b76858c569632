// SPDX-License-Identifier: Apache-2.0
#include "kernels/page_block.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace steepest::kernels {
namespace {

constexpr std::size_t large_page_bytes = std::size_t{2} << 20;

std::size_t in_pages(std::size_t bytes) {
  constexpr std::size_t page_bytes = 4096;
  return (bytes + page_bytes - 1) / page_bytes * page_bytes;
}

// Addresses for `bytes`, whole pages, from a multiple of a large page on, with nothing behind them
// yet; null where there are none.
char* reserve_addresses(std::size_t bytes) {
  const std::size_t all = bytes + large_page_bytes;
  void* const map =
      ::mmap(nullptr, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED) {
    return nullptr;
  }
  char* const first = static_cast<char*>(map);
  const std::size_t over = reinterpret_cast<std::uintptr_t>(first) % large_page_bytes;
  const std::size_t before = over == 0 ? 0 : large_page_bytes - over;
  if (before > 0) {
    ::munmap(first, before);
  }
  ::munmap(first + before + bytes, all - before - bytes);
  return first + before;
}

}  // namespace

char* take_page_block(std::size_t bytes) {
  const std::size_t needed = in_pages(bytes);
  char* const first = reserve_addresses(needed);
  if (first == nullptr) {
    throw std::bad_alloc();
  }
  constexpr int kind = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  if (::mmap(first, needed, PROT_READ | PROT_WRITE, kind, -1, 0) == MAP_FAILED) {
    ::munmap(first, needed);
    throw std::bad_alloc();
  }
  ::madvise(first, needed, MADV_HUGEPAGE);  // best effort
  return first;
}

char* resize_page_block(char* block, std::size_t held, std::size_t bytes) {
  const std::size_t has = in_pages(held);
  const std::size_t needed = in_pages(bytes);
  if (needed <= has) {
    if (needed < has) {
      ::munmap(block + needed, has - needed);
    }
    return block;
  }
  void* moved = ::mremap(block, has, needed, 0);  // where it is, if there is room behind it
  if (moved != MAP_FAILED) {
    return block;
  }
  char* const first = reserve_addresses(needed);
  moved = first == nullptr ? ::mremap(block, has, needed, MREMAP_MAYMOVE)
                           : ::mremap(block, has, needed, MREMAP_MAYMOVE | MREMAP_FIXED, first);
  if (moved == MAP_FAILED) {
    if (first != nullptr) {
      ::munmap(first, needed);
    }
    throw std::bad_alloc();
  }
  return static_cast<char*>(moved);
}

void free_page_block(char* block, std::size_t bytes) noexcept { ::munmap(block, in_pages(bytes)); }

}  // namespace steepest::kernels
