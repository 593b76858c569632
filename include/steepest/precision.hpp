// SPDX-License-Identifier: Apache-2.0
// The arithmetic of a pass over the data. Features are stored as float32 in either case, parameters
// and their updates are always double.
#pragma once

#include <string_view>

namespace steepest {

/// fp64: products and sums in double. fp32: products and sums of a block of rows in float, sums of
/// blocks in double. tf32, bf16, of a GPU alone: as fp32, with both operands of a step's products
/// rounded to 11 or 8 bits; what is evaluated beside the steps is not. automatic: fp64 for one or
/// two score columns on the CPU, where a pass is bound by memory and double costs nothing, fp32
/// otherwise.
enum class Precision { automatic, fp64, fp32, tf32, bf16 };

/// Parses auto, fp64, fp32, tf32, bf16. Throws OptionError that lists them.
[[nodiscard]] Precision parse_precision(std::string_view text);

[[nodiscard]] std::string_view name(Precision precision);

/// Half the gap between 1 and the next number: what one operand of a product is rounded by, at
/// most, relative to itself. Of tf32 the whole gap, because a GPU may cut digits off.
[[nodiscard]] constexpr double operand_rounding(Precision precision) {
  return precision == Precision::fp64   ? 0x1p-53
         : precision == Precision::tf32 ? 0x1p-10
         : precision == Precision::bf16 ? 0x1p-8
                                        : 0x1p-24;
}

}  // namespace steepest
