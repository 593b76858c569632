// SPDX-License-Identifier: Apache-2.0
// A small product of rounded matrices by the tensor cores, as one warp asks for it.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/rounding.hpp"

namespace steepest::kernels {

/// Rows of A, columns of B, and words of a row of A or a column of B. A word holds one number of
/// tf32 or two of bf16.
inline constexpr int product_rows = 16;
inline constexpr int product_columns = 8;
inline constexpr int product_words = 8;

/// Numbers of a word.
[[nodiscard]] constexpr int numbers_of_word(Rounding rounding) {
  return rounding == Rounding::bf16 ? 2 : 1;
}

/// A word of one or two numbers, `apart` from each other, rounded.
template <int numbers>
[[nodiscard]] STEEPEST_HD std::uint32_t rounded_word(const float* first, int apart) {
  if constexpr (numbers == 1) {
    return tf32_bits(*first);
  } else {
    return bf16_pair(*first, first[apart]);
  }
}

/// sums += A B, for A of product_rows rows and B of product_columns columns of product_words words.
/// All threads of a warp call it, each with its part: with g = lane / 4 and q = lane % 4,
///     a: words q of rows g and g + 8, then words q + 4 of both
///     b: words q and q + 4 of column g
///     sums: columns 2 q and 2 q + 1 of row g, then of row g + 8
/// (PTX ISA 8.x, sections "Matrix Fragments for mma.m16n8k8" and "mma.m16n8k16"). Sums are float32;
/// the order in which the cores add, and how they round, is their own and the same every time.
template <int numbers>
__device__ void multiply_add(float (&sums)[4], const std::uint32_t (&a)[4],
                             const std::uint32_t (&b)[2]) {
  static_assert(numbers == 1 || numbers == 2);
#ifndef __CUDACC__
  emulation::multiply_add_in_warp(sums, a, b, numbers == 1 ? Rounding::tf32 : Rounding::bf16,
                                  __builtin_LINE());  // of tests/cuda_emulation
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
  __trap();  // never launched: see fused_pass.cu
#else
  if constexpr (numbers == 1) {
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  } else {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
#endif
}

}  // namespace steepest::kernels
