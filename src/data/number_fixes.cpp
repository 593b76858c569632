// SPDX-License-Identifier: Apache-2.0
#include "src/data/number_fixes.hpp"

#include "src/data/excerpt.hpp"
#include "src/data/number.hpp"

namespace steepest::data {
namespace {

bool is_free(char mark, const Dialect& dialect) {
  return mark != dialect.delimiter && mark != dialect.quote && mark != dialect.escape &&
         mark != dialect.comment;
}

// A thousands mark may be the delimiter where quotes can hold it.
bool can_be(const NumberFormat& format, const Dialect& dialect) {
  const char mark = format.thousands;
  const bool in_quotes = mark == dialect.delimiter && dialect.quote != '\0';
  return is_free(format.decimal, dialect) && format.decimal != mark &&
         (mark == '\0' || in_quotes || is_free(mark, dialect));
}

// From the format used to another one.
std::string options_for(const NumberFormat& format, const NumberFormat& used) {
  std::string options;
  if (format.decimal != used.decimal) {
    options = format.decimal == ',' ? "--decimal comma" : "--decimal point";
  }
  if (format.thousands != used.thousands) {
    options += options.empty() ? "--thousands " : " --thousands ";
    options += format.thousands == '\0' ? "none" : shell_word({&format.thousands, 1});
  }
  return options;
}

}  // namespace

std::vector<std::string> number_fixes(std::string_view text, const Dialect& dialect) {
  const NumberFormat& used = dialect.numbers;
  std::string marks{'\0', ',', '.', '\'', ' ', '_'};
  if (marks.find(used.thousands) == std::string::npos) {
    marks += used.thousands;
  }
  std::vector<std::string> one;
  std::vector<std::string> both;
  for (const char decimal : {used.decimal == '.' ? ',' : '.', used.decimal}) {
    for (const char thousands : marks) {
      const NumberFormat format{decimal, thousands};
      const bool differs = decimal != used.decimal || thousands != used.thousands;
      if (differs && can_be(format, dialect) && is_number(text, format)) {
        const bool by_both = decimal != used.decimal && thousands != used.thousands;
        (by_both ? both : one).push_back(options_for(format, used));
      }
    }
  }
  return one.empty() ? both : one;
}

std::string decimal_note(std::string_view text, const NumberFormat& format) {
  const bool point = format.decimal == '.';
  if (!is_number(text, NumberFormat{point ? ',' : '.'})) {
    return "";
  }
  return point ? ": decimals are written with a point" : ": decimals are written with a comma";
}

}  // namespace steepest::data
