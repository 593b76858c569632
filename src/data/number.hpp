// SPDX-License-Identifier: Apache-2.0
// Text to number, correctly rounded: fast_float, with what CSV files add and leave out.
#pragma once

#include <fast_float/fast_float.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "steepest/read.hpp"

namespace steepest::data {

enum class NumberStatus : std::uint8_t {
  finite,      ///< value is set
  not_number,  ///< the text is no number
  nan,         ///< the text says NaN
  infinite,    ///< the text says infinity
  too_large,   ///< a number whose nearest Real is infinite
};

/// Decimal numbers with an optional sign (+ too), `.5`, `5.`, exponents; nan and inf in any case.
/// The text has no blanks around it. Too small rounds to zero, as IEEE 754 has it. Where the format
/// has a thousands mark, digits in front of the decimal mark may be in groups: one to three digits,
/// then three behind every mark. Other marks than those of the format make the text no number.
template <class Real>
[[nodiscard]] NumberStatus parse_number(std::string_view text, Real& value,
                                        const NumberFormat& format = {});

extern template NumberStatus parse_number<float>(std::string_view text, float& value,
                                                 const NumberFormat& format);
extern template NumberStatus parse_number<double>(std::string_view text, double& value,
                                                  const NumberFormat& format);

/// The common case in line: true when fast_float alone reads the whole text as a finite number.
template <class Real>
[[nodiscard]] inline bool parse_plain_number(std::string_view text, Real& value,
                                             char decimal = '.') {
  const char* const end = text.data() + text.size();
  const auto [stop, code] = fast_float::from_chars_advanced(
      text.data(), end, value, fast_float::parse_options(fast_float::general, decimal));
  return code == std::errc() && stop == end && std::isfinite(value);
}

/// Whether the text, blanks off, reads as a number, finite or not; NaN is none.
[[nodiscard]] bool is_number(std::string_view text, const NumberFormat& format = {});

/// Shortest text that reads back as the same double; -0 is "0".
[[nodiscard]] std::string shortest(double value);

}  // namespace steepest::data
