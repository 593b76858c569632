// SPDX-License-Identifier: Apache-2.0
// Reading option values such as NAME:key=value, and listing choices in error sentences.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace steepest {

/// "a, b or c".
[[nodiscard]] std::string join_choices(const std::vector<std::string_view>& choices);

/// The pieces of `text` between separators; one empty piece for an empty text.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

/// A finite number, whole text. Throws OptionError: `what` "text" is not a number.
[[nodiscard]] double parse_option_number(std::string_view what, std::string_view text);

/// A whole number >= 0, also written 1e6. Throws OptionError.
[[nodiscard]] std::int64_t parse_option_count(std::string_view what, std::string_view text);

}  // namespace steepest
