// SPDX-License-Identifier: Apache-2.0
// The slow path of number parsing: signs, infinities, NaN, overflow.
#include "src/data/number.hpp"

#include <fmt/format.h>

#include "src/data/record_scanner.hpp"

namespace steepest::data {

template <class Real>
NumberStatus parse_number(std::string_view text, Real& value) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-' && text[1] != '+') {
    text.remove_prefix(1);
  }
  const char* const end = text.data() + text.size();
  Real parsed{};
  const auto [stop, code] = fast_float::from_chars(text.data(), end, parsed);
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

template NumberStatus parse_number<float>(std::string_view text, float& value);
template NumberStatus parse_number<double>(std::string_view text, double& value);

bool is_number(std::string_view text) {
  double value = 0.0;
  const NumberStatus status = parse_number(trimmed(text), value);
  return status != NumberStatus::not_number && status != NumberStatus::nan;
}

std::string shortest(double value) { return fmt::format("{}", value == 0.0 ? 0.0 : value); }

}  // namespace steepest::data
