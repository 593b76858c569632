// SPDX-License-Identifier: Apache-2.0
// The arithmetic of a pass over the data. Features are stored as float32 in either case, parameters
// and their updates are always double.
#pragma once

#include <string_view>

namespace steepest {

/// fp64: products and sums in double. fp32: products and sums of a block of rows in float, sums of
/// blocks in double. automatic: fp64 for one or two score columns on the CPU, where a pass is bound
/// by memory and double costs nothing, fp32 otherwise.
enum class Precision { automatic, fp64, fp32 };

/// Parses auto, fp64, fp32. Throws OptionError that lists them.
[[nodiscard]] Precision parse_precision(std::string_view text);

[[nodiscard]] std::string_view name(Precision precision);

}  // namespace steepest
