// SPDX-License-Identifier: Apache-2.0
// The default list: https://pandas.pydata.org/docs/reference/api/pandas.read_csv.html, na_values.
#include "src/data/missing_texts.hpp"

#include <algorithm>

#include "src/data/number.hpp"
#include "src/data/record_scanner.hpp"

namespace steepest::data {

MissingTexts::MissingTexts(const std::vector<std::string>& own, const NumberFormat& format)
    : texts_{"",     "#N/A",   "#N/A N/A", "#NA",  "-1.#IND", "-1.#QNAN", "-NaN",
             "-nan", "1.#IND", "1.#QNAN",  "<NA>", "N/A",     "NA",       "NULL",
             "NaN",  "None",   "n/a",      "nan",  "null"},
      format_(format) {
  for (const std::string& text : own) {
    texts_.insert(text);
    double value = 0.0;
    if (parse_number(trimmed(text), value, format) == NumberStatus::finite ||
        parse_number(trimmed(text), value) == NumberStatus::finite) {
      numbers_.push_back(value);
    }
  }
}

bool MissingTexts::contains(std::string_view text) const {
  if (texts_.find(text) != texts_.end()) {
    return true;
  }
  double value = 0.0;
  const NumberStatus status = parse_number(trimmed(text), value, format_);
  return status == NumberStatus::nan ||
         (status == NumberStatus::finite &&
          std::find(numbers_.begin(), numbers_.end(), value) != numbers_.end());
}

}  // namespace steepest::data
