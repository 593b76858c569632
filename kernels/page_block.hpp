// SPDX-License-Identifier: Apache-2.0
// Memory in large pages, which grows by moving pages and not bytes.
#pragma once

#include <cstddef>

namespace steepest::kernels {

/// What is smaller is left to the C library.
inline constexpr std::size_t fewest_block_bytes = std::size_t{4} << 20;

/// A block of at least `bytes` bytes of zeros, from a multiple of 2 MB on, for which the system is
/// asked for pages of 2 MB (transparent huge pages, where it has them): the processor then finds
/// the addresses of rows that are read in any order, and one fault brings 512 times as much. Pages
/// come when they are touched. Throws std::bad_alloc.
[[nodiscard]] char* take_page_block(std::size_t bytes);

/// The block with `bytes` instead of `held`: what both hold is kept, what is added is zero. Large
/// pages move whole, which those under realloc() do not, for want of alignment. Throws
/// std::bad_alloc, and leaves the block as it is then.
[[nodiscard]] char* resize_page_block(char* block, std::size_t held, std::size_t bytes);

/// Gives back a block of `bytes`, as last asked for.
void free_page_block(char* block, std::size_t bytes) noexcept;

}  // namespace steepest::kernels
