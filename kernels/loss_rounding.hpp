// SPDX-License-Identifier: Apache-2.0
// What passes over the rows know a mean loss to.
#pragma once

#include "steepest/precision.hpp"

namespace steepest::kernels {

/// The relative error of a mean loss, and that of a gradient to losses of size 1: rows are summed
/// in blocks, in the arithmetic of `precision`, and blocks in double. With rounded operands (tf32,
/// bf16) as much larger than in fp32 as those are rounded more.
[[nodiscard]] constexpr double loss_rounding(Precision precision) {
  constexpr double of_floats = 2e-8;
  return precision == Precision::fp64
             ? 1e-14
             : of_floats * operand_rounding(precision) / operand_rounding(Precision::fp32);
}

}  // namespace steepest::kernels
