// SPDX-License-Identifier: Apache-2.0
// Running summary of one column for `steepest inspect`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "src/data/missing_texts.hpp"
#include "steepest/read.hpp"

namespace steepest::data {

class ColumnProfile {
 public:
  explicit ColumnProfile(const Dialect& dialect) : dialect_(dialect) {}

  /// Returns the number the text is, NaN where it is none.
  double add(std::string_view text, bool is_quoted, const MissingTexts& missing, std::int64_t line);

  [[nodiscard]] ColumnSummary summary(const std::string& name) const;

  /// Sentences about what will trouble a fit, each naming the column.
  void append_warnings(const std::string& name, std::vector<std::string>& warnings) const;

 private:
  void add_number(double value);
  [[nodiscard]] ColumnSummary::Type type() const;

  Dialect dialect_;
  std::int64_t values_ = 0;
  std::int64_t missing_ = 0;
  std::int64_t numbers_ = 0;  // finite
  std::int64_t infinite_ = 0;
  std::int64_t integers_ = 0;
  std::int64_t steps_of_one_ = 0;  // values one above the value before
  std::int64_t first_text_line_ = 0;
  std::string first_text_;
  double last_ = 0.0;
  double mean_ = 0.0;
  double squares_ = 0.0;  // sum of squared differences to the mean
  double minimum_ = 0.0;
  double maximum_ = 0.0;
  std::unordered_set<std::string, TextHash, std::equal_to<>> distinct_;
  std::vector<std::string> examples_;
};

}  // namespace steepest::data
