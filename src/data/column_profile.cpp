// SPDX-License-Identifier: Apache-2.0
// Mean and variance by Welford's recurrence (Technometrics 4, 1962); those of two stretches of rows
// by Chan, Golub and LeVeque (COMPSTAT 1982).
#include "src/data/column_profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "src/data/excerpt.hpp"
#include "src/data/number.hpp"
#include "src/data/number_fixes.hpp"
#include "src/data/record_scanner.hpp"

namespace steepest::data {
namespace {

constexpr std::size_t example_limit = 5;
constexpr double float_resolution = 1e5;  // of a mean over a deviation
constexpr double first_year = 1000.0;     // years follow each other as row numbers do
constexpr double last_year = 2999.0;
constexpr std::int64_t row_number_rows = 10;  // fewer rows say nothing about row numbers

}  // namespace

void ColumnProfile::add_number(double value) {
  first_ = numbers_ == 0 ? value : first_;
  minimum_ = numbers_ == 0 ? value : std::min(minimum_, value);
  maximum_ = numbers_ == 0 ? value : std::max(maximum_, value);
  steps_of_one_ += numbers_ > 0 && value == last_ + 1.0 ? 1 : 0;
  integers_ += value == std::floor(value) ? 1 : 0;
  last_ = value;
  ++numbers_;
  const double difference = value - mean_;
  mean_ += difference / static_cast<double>(numbers_);
  squares_ += difference * (value - mean_);
}

double ColumnProfile::add(std::string_view text, bool is_quoted, const MissingTexts& missing,
                          std::int64_t place, bool with_texts) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const std::string_view bare = is_quoted ? text : trimmed(text);
  double value = 0.0;
  const NumberStatus status = parse_number(trimmed(text), value, dialect_.numbers);
  if ((status != NumberStatus::finite || missing.has_numbers()) && missing.contains(bare)) {
    ++missing_;
    return none;
  }
  ++values_;
  if (with_texts) {
    add_text(bare);
  }
  if (status == NumberStatus::finite) {
    add_number(value);
    return value;
  }
  if (status == NumberStatus::infinite || status == NumberStatus::too_large) {
    ++infinite_;
  } else if (first_text_line_ == 0) {
    first_text_line_ = place;
    first_text_ = bare;
  }
  return none;
}

void ColumnProfile::add_text(std::string_view text) {
  if (!has_all_texts() && distinct_.find(text) == distinct_.end()) {
    distinct_.emplace(text);
    if (examples_.size() < example_limit) {
      examples_.emplace_back(text);
    }
  }
}

void ColumnProfile::append(const ColumnProfile& behind,
                           const std::function<std::int64_t(std::int64_t)>& line_of) {
  if (!has_all_texts()) {
    for (const std::string& text : behind.examples_) {
      add_text(text);  // in the order of the rows
    }
    for (const std::string& text : behind.distinct_) {
      add_text(text);
    }
  }
  if (first_text_line_ == 0 && behind.first_text_line_ != 0) {
    first_text_line_ = line_of(behind.first_text_line_);
    first_text_ = behind.first_text_;
  }
  values_ += behind.values_;
  missing_ += behind.missing_;
  infinite_ += behind.infinite_;
  if (behind.numbers_ == 0) {
    return;
  }
  integers_ += behind.integers_;
  steps_of_one_ += behind.steps_of_one_ + (numbers_ > 0 && behind.first_ == last_ + 1.0 ? 1 : 0);
  minimum_ = numbers_ == 0 ? behind.minimum_ : std::min(minimum_, behind.minimum_);
  maximum_ = numbers_ == 0 ? behind.maximum_ : std::max(maximum_, behind.maximum_);
  first_ = numbers_ == 0 ? behind.first_ : first_;
  last_ = behind.last_;
  const auto before = static_cast<double>(numbers_);
  const auto added = static_cast<double>(behind.numbers_);
  const double difference = behind.mean_ - mean_;
  mean_ += difference * (added / (before + added));
  squares_ += behind.squares_ + difference * difference * (before * added / (before + added));
  numbers_ += behind.numbers_;
}

ColumnSummary::Type ColumnProfile::type() const {
  if (values_ == 0) {
    return ColumnSummary::Type::empty;
  }
  if (numbers_ + infinite_ < values_) {
    return ColumnSummary::Type::text;
  }
  return integers_ == values_ ? ColumnSummary::Type::integer : ColumnSummary::Type::numeric;
}

ColumnSummary ColumnProfile::summary(const std::string& name) const {
  ColumnSummary result;
  result.name = name;
  result.type = type();
  result.values = values_;
  result.missing = missing_;
  result.distinct = static_cast<std::int64_t>(distinct_.size());
  for (const std::string& example : examples_) {
    result.examples.push_back(printable(example));
  }
  const bool numeric =
      result.type == ColumnSummary::Type::numeric || result.type == ColumnSummary::Type::integer;
  if (numeric && numbers_ > 0) {
    result.mean = mean_;
    result.standard_deviation = std::sqrt(squares_ / static_cast<double>(numbers_));
    result.minimum = minimum_;
    result.maximum = maximum_;
  }
  return result;
}

void ColumnProfile::append_warnings(const std::string& name,
                                    std::vector<std::string>& warnings) const {
  const std::string column = quoted(name);
  const std::int64_t texts = values_ - numbers_ - infinite_;
  if (values_ == 0) {
    warnings.push_back(fmt::format("column {} has no value at all: --ignore it", column));
  } else if (distinct_.size() == 1) {
    warnings.push_back(fmt::format("column {} is constant: it cannot help a fit", column));
  }
  if (texts > 0 && 2 * numbers_ > values_) {
    warnings.push_back(fmt::format(
        "column {} is numbers but for {} of {} values, the first {} in "
        "line {}",
        column, grouped(texts), grouped(values_), quoted(first_text_), grouped(first_text_line_)));
  }
  if (const std::vector<std::string> fixes = number_fixes(first_text_, dialect_); !fixes.empty()) {
    warnings.push_back(fmt::format("column {} holds {} in line {}, which is a number with {}",
                                   column, quoted(first_text_), grouped(first_text_line_),
                                   fmt::join(fixes, " or ")));
  }
  if (infinite_ > 0) {
    warnings.push_back(fmt::format("column {} has {} infinite values: they cannot be fitted",
                                   column, grouped(infinite_)));
  }
  const double deviation =
      std::sqrt(squares_ / static_cast<double>(std::max<std::int64_t>(1, numbers_)));
  if (deviation > 0.0 && std::fabs(mean_) > float_resolution * deviation) {
    warnings.push_back(
        fmt::format("column {} has a mean over 100,000 times its deviation: float32 keeps few "
                    "digits of what varies; subtract a round number first",
                    column));
  }
  const bool years = minimum_ >= first_year && maximum_ <= last_year;
  if (!years && numbers_ == values_ && numbers_ >= row_number_rows &&
      steps_of_one_ == numbers_ - 1) {
    warnings.push_back(
        fmt::format("column {} counts the rows: --ignore it unless it is meant", column));
  }
}

}  // namespace steepest::data
