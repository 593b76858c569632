// SPDX-License-Identifier: Apache-2.0
// Guessing the delimiter from the head of a file.
#pragma once

#include <cstdint>
#include <string_view>

namespace steepest::data {

/// Among , ; tab | the one under which the head's records agree best on a number of fields >= 2;
/// between equals, the one that makes more fields numbers, then more fields, then the first of the
/// list. A comma when none splits anything. `whole`: the head is the entire file.
[[nodiscard]] char sniff_delimiter(std::string_view head, bool whole);

/// Throws OptionError for a delimiter that cannot be one: a quote, a line end, a null byte.
void check_delimiter(char delimiter);

}  // namespace steepest::data
