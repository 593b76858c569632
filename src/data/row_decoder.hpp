// SPDX-License-Identifier: Apache-2.0
// One record into one row: float32 features (NaN where missing, codes where categorical), targets,
// label, weight.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "kernels/state_archive.hpp"
#include "src/data/column_plan.hpp"
#include "src/data/dictionary.hpp"
#include "src/data/missing_texts.hpp"
#include "src/data/number.hpp"
#include "src/data/row_problem.hpp"

namespace steepest::data {

class RowDecoder {
 public:
  enum class Outcome : std::uint8_t { row, dropped, bad };

  /// `known`: the schema the plan was matched to, or null when dictionaries are to be learned.
  /// `may_skip`: whether messages may offer --on-bad-row skip.
  RowDecoder(const ColumnPlan& plan, const ColumnNames& names, const HeadSample& sample,
             const ReadOptions& options, const Schema* known, bool may_skip);

  /// Reads the record's cells from left to right; the leftmost bad one makes the row bad. `row` is
  /// as long as the plan has features. Dictionaries grow only by rows that are whole.
  Outcome decode(const Record& record, float* row);

  /// Why the last row was dropped or bad.
  [[nodiscard]] const RowProblem& problem() const { return problem_; }

  [[nodiscard]] std::span<const double> targets() const { return targets_; }
  [[nodiscard]] std::int32_t label() const { return label_; }
  [[nodiscard]] double weight() const { return weight_; }

  /// Code of a text of feature `slot`, or of a label for slot -1, which is learned if it is new. -1
  /// when it cannot be learned: decode() says why.
  std::int32_t learn_text(std::int32_t slot, std::string_view text);

  /// Writes the texts learned so far, or learns them anew, before the first record.
  void exchange_learned(kernels::StateArchive& archive);

  /// One a feature, in the plan's order; empty for a numeric one.
  [[nodiscard]] const std::vector<Dictionary>& dictionaries() const { return dictionaries_; }
  [[nodiscard]] const Dictionary& classes() const { return classes_; }

  /// What every row's message ends with where rows can be skipped.
  static constexpr const char* skip_fix = "--on-bad-row skip --rejects bad.csv";

 private:
  enum class Role : std::uint8_t { number, level, target, label, weight };
  struct Cell {
    std::int64_t column = 0;
    Role role = Role::number;
    std::size_t slot = 0;
  };

  bool decode_cell(const Cell& cell, const Record& record, float* row);
  template <class Real>
  bool decode_number(const Cell& cell, const Record& record, Real& value);
  bool decode_level(const Cell& cell, const Record& record, float& code);
  bool decode_label(const Cell& cell, const Record& record);
  bool decode_weight(const Cell& cell, const Record& record);
  bool take_missing(const Cell& cell, const Record& record);
  bool is_missing(std::string_view text) const { return missing_.contains(text); }
  bool learn(const Record& record, float* row);
  bool add_level(const Cell& cell, const Record& record, Dictionary& dictionary,
                 std::int32_t& code);
  bool fail(ProblemKind kind, const Cell& cell, const Record& record, std::string sentence,
            std::vector<std::string> fixes);
  bool fail_column(ProblemKind kind, const Cell& cell, const Record& record, std::string sentence,
                   std::vector<std::string> fixes);
  [[nodiscard]] std::vector<std::string> fixes_for(std::string_view text) const;
  bool fail_not_number(const Cell& cell, const Record& record, std::string_view text);
  bool fail_text_column(const Cell& cell, const Record& record, std::string_view text);

  const ColumnPlan& plan_;
  const ColumnNames& names_;
  const ReadOptions& options_;
  Dialect dialect_;
  std::string preamble_fix_;  // where the columns are those of a line in front of the table
  MissingTexts missing_;
  bool known_ = false;
  bool may_skip_ = false;
  bool any_number_is_plain_ = false;     // what parse_plain_number() takes is what it says
  std::vector<Cell> cells_;              // by column
  std::vector<Cell> learned_cells_;      // of these, the ones whose texts fill a dictionary
  std::vector<bool> is_text_;            // by column: no number in the head
  std::vector<std::string> text_names_;  // features that is_text_ marks
  std::vector<Dictionary> dictionaries_;
  Dictionary classes_;
  RowProblem problem_;
  bool dropped_ = false;
  std::vector<double> targets_;
  std::int32_t label_ = 0;
  double weight_ = 1.0;
};

}  // namespace steepest::data
