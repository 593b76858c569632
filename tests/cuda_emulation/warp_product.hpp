// SPDX-License-Identifier: Apache-2.0
// What the tensor cores do for a warp: small products of rounded matrices.
#pragma once

#include <cstdint>

#include "kernels/rounding.hpp"

namespace steepest::emulation {

/// sums += A B for A (16, k) and B (k, 8), of k = 8 numbers of tf32 or k = 16 of bf16, as
/// mma.sync.m16n8k8 and m16n8k16 of PTX lay them out over the lanes of a warp; all of it calls
/// this. With l = 4 g + q the lane, a word of A being one number or two neighbours of a row of A,
/// of B one or two of a column:
///     a = words (g, q), (g + 8, q), (g, q + 4), (g + 8, q + 4) of A
///     b = words (q, g), (q + 4, g) of B
///     sums = (g, 2 q), (g, 2 q + 1), (g + 8, 2 q), (g + 8, 2 q + 1)
/// A sum runs over k in order, in float; a GPU's order and its rounding there are its own. Calls
/// misuse() for a word that is not rounded, whose last digits a GPU would ignore.
void multiply_add_in_warp(float (&sums)[4], const std::uint32_t (&a)[4],
                          const std::uint32_t (&b)[2], kernels::Rounding rounding, unsigned line);

}  // namespace steepest::emulation
