// SPDX-License-Identifier: Apache-2.0
// Escaping follows C; UTF-8 is checked as in the Unicode standard, table 3-7.
#include "src/data/excerpt.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace steepest::data {
namespace {

constexpr std::size_t quoted_limit = 40;
constexpr std::size_t line_limit = 80;

// Bytes of the UTF-8 character that starts at `at`, 0 when there is none.
std::size_t character_bytes(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
  };
  const auto between = [](unsigned value, unsigned low, unsigned high) {
    return value >= low && value <= high;
  };
  const auto follows = [&](std::size_t i) { return between(byte(i), 0x80, 0xBF); };
  const unsigned lead = byte(0);
  if (lead < 0x80) {
    return 1;
  }
  if (between(lead, 0xC2, 0xDF)) {
    return follows(1) ? 2 : 0;
  }
  if (between(lead, 0xE0, 0xEF)) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;
    return between(byte(1), low, high) && follows(2) ? 3 : 0;
  }
  if (between(lead, 0xF0, 0xF4)) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
    return between(byte(1), low, high) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

// Moves a cut forward to where a character starts, so that none is split.
std::size_t character_start(std::string_view text, std::size_t at) {
  std::size_t moved = at;
  while (moved < text.size() && moved < at + 3 &&
         (static_cast<unsigned char>(text[moved]) & 0xC0U) == 0x80U) {
    ++moved;
  }
  return moved;
}

std::string cut(std::string_view text, std::size_t first, std::size_t count) {
  const std::size_t begin = first == 0 ? 0 : character_start(text, first);
  const std::size_t end =
      first + count >= text.size() ? text.size() : character_start(text, first + count);
  return fmt::format("{}{}{}", begin > 0 ? "..." : "", printable(text.substr(begin, end - begin)),
                     end < text.size() ? "..." : "");
}

}  // namespace

std::string grouped(std::int64_t number) {
  const std::string digits = std::to_string(number);
  std::string result;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    result += digits[i];
    const std::size_t left = digits.size() - 1 - i;
    if (left > 0 && left % 3 == 0 && digits[i] != '-') {
      result += ',';
    }
  }
  return result;
}

std::string printable(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const char character = text[at];
    const std::size_t bytes = character_bytes(text, at);
    const auto code = static_cast<unsigned>(static_cast<unsigned char>(character));
    if (character == '\n') {
      result += "\\n";
    } else if (character == '\r') {
      result += "\\r";
    } else if (character == '\t') {
      result += "\\t";
    } else if (bytes == 0 || code < 0x20 || code == 0x7F) {
      result += fmt::format("\\x{:02x}", code);
    } else {
      result.append(text, at, bytes);
    }
    at += std::max<std::size_t>(bytes, 1);
  }
  return result;
}

std::string quoted(std::string_view text) {
  return fmt::format("\"{}\"", cut(text, 0, std::min(text.size(), quoted_limit)));
}

std::string excerpt(std::string_view line, std::size_t at) {
  if (line.size() <= line_limit) {
    return printable(line);
  }
  const std::size_t first =
      std::min(at > line_limit / 2 ? at - line_limit / 2 : 0, line.size() - line_limit);
  return cut(line, first, line_limit);
}

std::string list_of(const std::vector<std::string>& names, std::size_t limit) {
  std::string result;
  const std::size_t shown = names.size() <= limit + 1 ? names.size() : limit;
  for (std::size_t i = 0; i < shown; ++i) {
    result += i == 0 ? "" : ", ";
    result += quoted(names[i]);
  }
  if (shown < names.size()) {
    result += fmt::format(" and {} more", names.size() - shown);
  }
  return result;
}

std::string shell_word(std::string_view text) {
  const auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("_./:+-@%,=").find(c) != std::string_view::npos;
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), plain)) {
    return std::string(text);
  }
  std::string result = "'";
  for (const char c : text) {
    result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  result += '\'';
  return result;
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = character_bytes(text, at);
    if (bytes == 0) {
      return false;
    }
    at += bytes;
  }
  return true;
}

}  // namespace steepest::data
