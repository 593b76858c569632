// SPDX-License-Identifier: Apache-2.0
// Which rows a calibration is judged on.
#pragma once

#include <cstdint>
#include <vector>

namespace steepest::calibrate {

/// Rows [0, rows), each held out with probability `fraction`, in (0, 1), by its number and the seed
/// alone. Throws OptionError for a fraction out of range, and where no row is left on one side.
[[nodiscard]] std::vector<bool> rows_held_out(std::int64_t rows, double fraction,
                                              std::uint64_t seed);

}  // namespace steepest::calibrate
