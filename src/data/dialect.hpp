// SPDX-License-Identifier: Apache-2.0
// The dialect that options ask for, whether it can be, and guessing the delimiter from the head.
#pragma once

#include <cstdint>
#include <string_view>

#include "steepest/read.hpp"

namespace steepest::data {

/// What the options say; a delimiter left open is a comma. An escape that is the quote is none:
/// quotes inside quotes are doubled anyway.
[[nodiscard]] Dialect dialect_of(const ReadOptions& options);

/// Throws OptionError for a character that cannot be what it is said to be, for two that are the
/// same, and for fewer than 0 lines to skip.
void check_dialect(const ReadOptions& options);

/// Among , ; tab | the one under which the head's records agree best on a number of fields >= 2;
/// between equals, the one that makes more fields numbers, then more fields, then the first of the
/// list. A comma when none splits anything. Characters that `given` uses otherwise are left out of
/// the list; its delimiter is not looked at. `whole`: the head is the entire file.
[[nodiscard]] char sniff_delimiter(std::string_view head, bool whole, const Dialect& given = {});

}  // namespace steepest::data
