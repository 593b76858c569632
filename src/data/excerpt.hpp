// SPDX-License-Identifier: Apache-2.0
// Text of a file made fit for a message: escaped, cut, quoted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace steepest::data {

/// 328112904 -> "328,112,904".
[[nodiscard]] std::string grouped(std::int64_t number);

/// Control characters and bytes that are not UTF-8 as \n, \t, \xNN; the rest as it is.
[[nodiscard]] std::string printable(std::string_view text);

/// printable(text) in double quotes, cut to about 40 characters.
[[nodiscard]] std::string quoted(std::string_view text);

/// About 80 characters of a line around byte `at`, escaped, with "..." where it was cut.
[[nodiscard]] std::string excerpt(std::string_view line, std::size_t at);

/// `"a", "b", "c" and 3 more`: at most `limit` names, each quoted.
[[nodiscard]] std::string list_of(const std::vector<std::string>& names, std::size_t limit = 20);

/// A name as one word of a shell command: bare when that is safe, else in quotes.
[[nodiscard]] std::string shell_word(std::string_view text);

[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace steepest::data
