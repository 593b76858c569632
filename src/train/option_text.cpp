// SPDX-License-Identifier: Apache-2.0
#include "src/train/option_text.hpp"

#include <fast_float/fast_float.h>
#include <fmt/format.h>

#include <cmath>

#include "steepest/error.hpp"

namespace steepest {

std::string join_choices(const std::vector<std::string_view>& choices) {
  std::string text;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (i > 0) {
      text += i + 1 == choices.size() ? " or " : ", ";
    }
    text += choices[i];
  }
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (;;) {
    const std::size_t end = text.find(separator);
    pieces.push_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      return pieces;
    }
    text.remove_prefix(end + 1);
  }
}

double parse_option_number(std::string_view what, std::string_view text) {
  double value = 0.0;
  const char* end = text.data() + text.size();
  const auto parsed = fast_float::from_chars(text.data(), end, value);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end || !std::isfinite(value)) {
    throw OptionError(fmt::format("{} \"{}\" is not a number", what, text));
  }
  return value;
}

std::int64_t parse_option_count(std::string_view what, std::string_view text) {
  const double value = parse_option_number(what, text);
  constexpr double largest = 9007199254740992.0;  // 2^53
  if (value < 0.0 || value > largest || value != std::floor(value)) {
    throw OptionError(fmt::format("{} \"{}\" is not a whole number of 0 or more", what, text));
  }
  return static_cast<std::int64_t>(value);
}

}  // namespace steepest
