// SPDX-License-Identifier: Apache-2.0
// What passes over the rows know a mean loss to.
#pragma once

#include "steepest/precision.hpp"

namespace steepest::kernels {

/// The relative error of a mean loss, and that of a gradient to losses of size 1: rows are summed
/// in blocks, in the arithmetic of `precision` (fp64 or fp32), and blocks in double.
[[nodiscard]] constexpr double loss_rounding(Precision precision) {
  return precision == Precision::fp64 ? 1e-14 : 2e-8;
}

}  // namespace steepest::kernels
