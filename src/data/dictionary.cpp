// SPDX-License-Identifier: Apache-2.0
// Numbers of more than 15 digits stay texts: as doubles, distinct identifiers would fall together.
#include "src/data/dictionary.hpp"

#include <algorithm>
#include <numeric>
#include <optional>

#include "src/data/number.hpp"
#include "src/data/record_scanner.hpp"

namespace steepest::data {
namespace {

constexpr int exact_digits = 15;  // std::numeric_limits<double>::digits10

int significant_digits(std::string_view text) {
  int digits = 0;
  for (const char c : text.substr(0, text.find_first_of("eE"))) {
    digits += (c >= '1' && c <= '9') || (c == '0' && digits > 0) ? 1 : 0;
  }
  return digits;
}

std::optional<double> exact_value(std::string_view text, const NumberFormat& format) {
  const std::string_view bare = trimmed(text);
  double value = 0.0;
  if (significant_digits(bare) > exact_digits ||
      parse_number(bare, value, format) != NumberStatus::finite) {
    return std::nullopt;
  }
  return value == 0.0 ? 0.0 : value;  // -0 is 0
}

// One value a text, or none when some text is no number.
std::vector<double> values_of(const std::vector<std::string>& texts, const NumberFormat& format) {
  std::vector<double> values;
  for (const std::string& text : texts) {
    const std::optional<double> value = exact_value(text, format);
    if (!value) {
      return {};
    }
    values.push_back(*value);
  }
  return values;
}

}  // namespace

Dictionary::Dictionary(const std::vector<std::string>& levels, const NumberFormat& format)
    : format_(format) {
  for (const std::string& level : levels) {
    insert(level);
  }
  const std::vector<double> values = values_of(levels, NumberFormat{});
  for (std::size_t k = 0; k < values.size(); ++k) {
    codes_by_value_.emplace(values[k], static_cast<std::int32_t>(k));
  }
}

std::int32_t Dictionary::find(std::string_view text) const {
  const bool only_by_value = !codes_by_value_.empty() &&  // else "1.234" may be another number
                             (format_.decimal != '.' || format_.thousands != '\0');
  const auto found = only_by_value ? codes_.end() : codes_.find(text);
  if (found != codes_.end()) {
    return found->second;
  }
  if (!codes_by_value_.empty()) {
    if (const std::optional<double> value = exact_value(text, format_)) {
      const auto equal = codes_by_value_.find(*value);
      return equal == codes_by_value_.end() ? -1 : equal->second;
    }
  }
  return -1;
}

std::int32_t Dictionary::insert(std::string_view text) {
  const auto found = codes_.find(text);
  if (found != codes_.end()) {
    return found->second;
  }
  const auto code = static_cast<std::int32_t>(texts_.size());
  texts_.emplace_back(text);
  codes_.emplace(texts_.back(), code);
  return code;
}

Dictionary::Sorted Dictionary::sorted() const {
  Sorted result;
  result.position.resize(texts_.size());
  const std::vector<double> values = values_of(texts_, format_);
  const bool numeric = !values.empty();
  std::vector<std::size_t> order(texts_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return numeric ? values[a] < values[b] : texts_[a] < texts_[b];
  });
  for (std::size_t i = 0; i < order.size(); ++i) {
    const bool merges = numeric && i > 0 && values[order[i]] == values[order[i - 1]];
    if (!merges) {
      result.levels.push_back(numeric ? shortest(values[order[i]]) : texts_[order[i]]);
    }
    result.position[order[i]] = static_cast<std::int32_t>(result.levels.size()) - 1;
  }
  return result;
}

}  // namespace steepest::data
