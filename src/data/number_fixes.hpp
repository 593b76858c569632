// SPDX-License-Identifier: Apache-2.0
// Which options would make a number of a text that is none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "steepest/read.hpp"

namespace steepest::data {

/// Other formats in which `text` is a number, as options: `--decimal comma`, `--thousands ,`. Both
/// at once only where neither is enough. Formats that contradict the dialect are left out.
[[nodiscard]] std::vector<std::string> number_fixes(std::string_view text, const Dialect& dialect);

/// `: decimals are written with a point` (or comma) where that is what is wrong, else nothing.
[[nodiscard]] std::string decimal_note(std::string_view text, const NumberFormat& format);

}  // namespace steepest::data
