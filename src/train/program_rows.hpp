// SPDX-License-Identifier: Apache-2.0
// The rows that a quantile fit's program is made of: those whose error may still change its sign.
#pragma once

#include <cstdint>
#include <vector>

namespace steepest::train {

struct ProgramRows {
  std::vector<std::int64_t> chosen;  ///< rising
  double sharpness = 0.0;            ///< width within which errors count as unsure, >= 1e-12
};

/// The `count` rows, at most all of them, with the smallest errors (of equal ones the first), and
/// the smallest size of the others'. O(n).
[[nodiscard]] ProgramRows program_rows(const std::vector<double>& errors, std::int64_t count);

}  // namespace steepest::train
