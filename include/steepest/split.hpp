// SPDX-License-Identifier: Apache-2.0
// Holding rows back for validation.
#pragma once

#include <cstdint>
#include <memory>

#include "steepest/dataset.hpp"
#include "steepest/row_source.hpp"

namespace steepest {

/// Moves round(fraction * rows) rows, chosen by seed, out of `data` and returns them; both parts
/// keep the order of the rows. fraction in (0, 1). Throws OptionError where either part would be
/// empty.
[[nodiscard]] Dataset take_rows(Dataset& data, double fraction, std::uint64_t seed);

/// As above, of rows that may lie in files: the same rows.
[[nodiscard]] std::shared_ptr<RowSource> take_rows(std::shared_ptr<RowSource>& data,
                                                   double fraction, std::uint64_t seed);

}  // namespace steepest
