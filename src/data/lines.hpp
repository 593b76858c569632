// SPDX-License-Identifier: Apache-2.0
// Lines of text, whatever ends them: LF, CRLF or a lone CR, one line end each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace steepest::data {

/// Line ends in the text. A CR that is its last byte counts.
[[nodiscard]] std::int64_t count_lines(std::string_view text);

/// Bytes of the first line without its end: all of the text when no line ends in it.
[[nodiscard]] std::size_t line_bytes(std::string_view text);

/// What stands behind the first line and its end.
[[nodiscard]] std::string_view behind_line(std::string_view text);

}  // namespace steepest::data
