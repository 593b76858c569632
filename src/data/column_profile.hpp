// SPDX-License-Identifier: Apache-2.0
// Running summary of one column for `steepest inspect`.
#pragma once

#include <cstdint>
#include <functional>
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

  /// Returns the number the text is, NaN where it is none. `place` tells where it stands: a line,
  /// or what append() makes one of; never 0. `with_texts`: whether distinct texts are looked for.
  double add(std::string_view text, bool is_quoted, const MissingTexts& missing, std::int64_t place,
             bool with_texts = true);

  /// Adds what another one has of the rows behind all of these. `line_of` makes lines of its
  /// places.
  void append(const ColumnProfile& behind,
              const std::function<std::int64_t(std::int64_t)>& line_of);

  /// Whether more texts would change nothing.
  [[nodiscard]] bool has_all_texts() const {
    return static_cast<std::int64_t>(distinct_.size()) == ColumnSummary::distinct_limit;
  }

  [[nodiscard]] ColumnSummary summary(const std::string& name) const;

  /// Sentences about what will trouble a fit, each naming the column.
  void append_warnings(const std::string& name, std::vector<std::string>& warnings) const;

 private:
  void add_number(double value);
  void add_text(std::string_view text);
  [[nodiscard]] ColumnSummary::Type type() const;

  Dialect dialect_;
  std::int64_t values_ = 0;
  std::int64_t missing_ = 0;
  std::int64_t numbers_ = 0;  // finite
  std::int64_t infinite_ = 0;
  std::int64_t integers_ = 0;
  std::int64_t steps_of_one_ = 0;     // values one above the value before
  std::int64_t first_text_line_ = 0;  // 0: there is no text
  std::string first_text_;
  double first_ = 0.0;
  double last_ = 0.0;
  double mean_ = 0.0;
  double squares_ = 0.0;  // sum of squared differences to the mean
  double minimum_ = 0.0;
  double maximum_ = 0.0;
  std::unordered_set<std::string, TextHash, std::equal_to<>> distinct_;
  std::vector<std::string> examples_;  // the first distinct texts
};

}  // namespace steepest::data
