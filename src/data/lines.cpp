// SPDX-License-Identifier: Apache-2.0
#include "src/data/lines.hpp"

#include <algorithm>

namespace steepest::data {

std::int64_t count_lines(std::string_view text) {
  std::int64_t lines = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool lone_return = text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n');
    lines += text[i] == '\n' || lone_return ? 1 : 0;
  }
  return lines;
}

std::size_t line_bytes(std::string_view text) {
  return std::min(text.find_first_of("\r\n"), text.size());
}

std::string_view behind_line(std::string_view text) {
  text.remove_prefix(line_bytes(text));
  text.remove_prefix(text.starts_with("\r\n") ? 2 : text.empty() ? 0 : 1);
  return text;
}

}  // namespace steepest::data
