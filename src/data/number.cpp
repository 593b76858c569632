// SPDX-License-Identifier: Apache-2.0
// The slow path of number parsing: signs, infinities, NaN, overflow, thousands.
#include "src/data/number.hpp"

#include <fmt/format.h>

#include "src/data/record_scanner.hpp"

namespace steepest::data {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The text without its thousands marks; false when it has none, or they stand elsewhere than
// between groups of three digits.
bool join_groups(std::string_view text, const NumberFormat& format, std::string& joined) {
  const std::size_t sign = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  std::size_t end = sign;  // of the digits and marks in front of the fraction or exponent
  while (end < text.size() && (is_digit(text[end]) || text[end] == format.thousands)) {
    ++end;
  }
  std::size_t mark = text.find(format.thousands, sign);
  if (mark >= end || mark == sign || mark > sign + 3) {
    return false;
  }
  joined = text.substr(0, mark);
  for (; mark < end; mark += 4) {
    const std::string_view group = text.substr(mark, 4);
    if (end < mark + 4 || group[0] != format.thousands ||
        group.find(format.thousands, 1) != std::string_view::npos) {
      return false;
    }
    joined += group.substr(1);
  }
  joined += text.substr(end);
  return true;
}

template <class Real>
NumberStatus parse_ungrouped(std::string_view text, Real& value, char decimal) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-' && text[1] != '+') {
    text.remove_prefix(1);
  }
  const char* const end = text.data() + text.size();
  Real parsed{};
  const auto [stop, code] = fast_float::from_chars_advanced(
      text.data(), end, parsed, fast_float::parse_options(fast_float::general, decimal));
  const bool range_error = code == std::errc::result_out_of_range;
  if (stop != end || text.empty() || (code != std::errc() && !range_error)) {
    return NumberStatus::not_number;
  }
  if (std::isnan(parsed)) {
    return NumberStatus::nan;
  }
  if (std::isinf(parsed)) {
    const bool has_digits = text.find_first_of("0123456789") != std::string_view::npos;
    return has_digits ? NumberStatus::too_large : NumberStatus::infinite;
  }
  value = parsed;
  return NumberStatus::finite;
}

}  // namespace

template <class Real>
NumberStatus parse_number(std::string_view text, Real& value, const NumberFormat& format) {
  const NumberStatus status = parse_ungrouped(text, value, format.decimal);
  std::string joined;
  if (status != NumberStatus::not_number || format.thousands == '\0' ||
      !join_groups(text, format, joined)) {
    return status;
  }
  return parse_ungrouped<Real>(joined, value, format.decimal);
}

template NumberStatus parse_number<float>(std::string_view text, float& value,
                                          const NumberFormat& format);
template NumberStatus parse_number<double>(std::string_view text, double& value,
                                           const NumberFormat& format);

bool is_number(std::string_view text, const NumberFormat& format) {
  double value = 0.0;
  const NumberStatus status = parse_number(trimmed(text), value, format);
  return status != NumberStatus::not_number && status != NumberStatus::nan;
}

std::string shortest(double value) { return fmt::format("{}", value == 0.0 ? 0.0 : value); }

}  // namespace steepest::data
