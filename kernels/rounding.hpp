// SPDX-License-Identifier: Apache-2.0
// Numbers of fewer digits than float32: what the tensor cores of a GPU multiply. A product of two
// of them is exact in float32, and sums of products are float32.
#pragma once

#include <cstdint>
#include <cstring>

#include "steepest/host_device.hpp"
#include "steepest/precision.hpp"

namespace steepest::kernels {

/// How both operands of a product are rounded, ties away from 0 (tf32) or to even (bf16).
enum class Rounding { none, tf32, bf16 };

[[nodiscard]] constexpr Rounding rounding_of(Precision precision) {
  return precision == Precision::tf32   ? Rounding::tf32
         : precision == Precision::bf16 ? Rounding::bf16
                                        : Rounding::none;
}

/// The bits of a float.
[[nodiscard]] STEEPEST_HD inline std::uint32_t bits_of(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

[[nodiscard]] STEEPEST_HD inline bool is_nan_bits(std::uint32_t bits) {
  return (bits & 0x7FFFFFFFU) > 0x7F800000U;
}

/// The bits of the nearest float of 11 bits of precision: the lowest 13 bits are 0. A NaN stays
/// one.
[[nodiscard]] STEEPEST_HD inline std::uint32_t tf32_bits(float value) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  std::uint32_t rounded;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(value));
  return rounded;
#else
  constexpr std::uint32_t half = 1U << 12;
  constexpr std::uint32_t kept = ~((half << 1) - 1);
  constexpr std::uint32_t quiet_nan = 0x7FC00000U;
  const std::uint32_t bits = bits_of(value);
  return is_nan_bits(bits) ? quiet_nan : (bits + half) & kept;
#endif
}

/// The bits of the nearest bfloat16, which are the upper half of a float. A NaN stays one.
[[nodiscard]] STEEPEST_HD inline std::uint32_t bf16_bits(float value) {
  constexpr std::uint32_t below_half = 0x7FFFU;
  constexpr std::uint32_t quiet_nan = 0x7FC0U;
  const std::uint32_t bits = bits_of(value);
  return is_nan_bits(bits) ? quiet_nan : (bits + below_half + (bits >> 16 & 1U)) >> 16;
}

/// Two bfloat16 in one word, the first in its lower half.
[[nodiscard]] STEEPEST_HD inline std::uint32_t bf16_pair(float first, float second) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  std::uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
#else
  return bf16_bits(first) | bf16_bits(second) << 16;
#endif
}

/// A value as a product with that rounding takes it.
[[nodiscard]] STEEPEST_HD inline float rounded(float value, Rounding rounding) {
  const std::uint32_t bits = rounding == Rounding::none   ? bits_of(value)
                             : rounding == Rounding::tf32 ? tf32_bits(value)
                                                          : bf16_bits(value) << 16;
  float result = 0.0F;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

}  // namespace steepest::kernels
