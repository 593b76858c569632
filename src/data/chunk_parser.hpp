// SPDX-License-Identifier: Apache-2.0
// The fast path of the reader: the rows of a block of text as numbers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "src/data/block_parser.hpp"
#include "src/data/column_plan.hpp"
#include "src/data/dictionary.hpp"
#include "src/data/distinct_values.hpp"
#include "src/data/missing_texts.hpp"
#include "src/data/text_codes.hpp"

namespace steepest::data {

/// What the cells of a row are for, by column; the same for all threads.
class CellRoles {
 public:
  CellRoles(const ColumnPlan& plan, std::int64_t columns, const ReadOptions& options,
            const Schema* known);

  /// A column of texts: a feature's levels, or the labels.
  struct TextColumn {
    std::uint32_t column = 0;
    std::int32_t slot = -1;             ///< of the feature; -1: the target
    const Dictionary* known = nullptr;  ///< codes learned before; null: they are learned now
    bool unknown_is_baseline = false;   ///< a text not among them has code 0
    bool missing_is_nan = false;        ///< else a missing text is for the scanner
  };

  /// Neighbouring columns that are neighbouring features.
  struct Run {
    std::uint32_t column = 0;
    std::uint32_t slot = 0;
    std::uint32_t length = 0;
  };

  /// Copies the features among the cells of a row, in their order.
  void gather(const float* cells, float* decoded) const;

  std::uint32_t columns = 0;            ///< of the file
  std::vector<bool> is_number;          ///< by column: a numeric feature
  std::vector<bool> missing_is_nan;     ///< by column: else a missing number is for the scanner
  std::vector<std::uint32_t> targets;   ///< columns of numeric targets
  std::optional<std::uint32_t> weight;  ///< column of the weights
  std::vector<TextColumn> texts;
  std::vector<Run> runs;  ///< all features
  std::int64_t features = 0;
  bool has_label = false;     ///< the last of `texts` is the target
  bool empty_is_nan = false;  ///< an empty field may become NaN in every column
  MissingTexts missing;
  NumberFormat numbers;

 private:
  std::vector<Dictionary> dictionaries_;
};

/// Leaves a row with any cell in doubt to the scanner as a whole.
class ChunkParser final : public BlockParser {
 public:
  ChunkParser(const CellRoles& roles, const Dialect& dialect, const ReaderLimits& limits);

  /// Row r of the block, by column of the file; index of the text where the column is text. What is
  /// not a feature holds anything.
  [[nodiscard]] const float* row(std::int64_t r) const { return cells_.get() + r * columns(); }
  [[nodiscard]] const double* targets(std::int64_t r) const {
    return targets_.data() + static_cast<std::size_t>(r) * roles_.targets.size();
  }
  /// Among them all.
  [[nodiscard]] const std::vector<double>& distinct_targets() const {
    return distinct_targets_.values();
  }
  [[nodiscard]] double weight(std::int64_t r) const {
    return weights_[static_cast<std::size_t>(r)];
  }

  /// Index of the label's text.
  [[nodiscard]] std::int32_t label(std::int64_t r) const {
    return labels_[static_cast<std::size_t>(r)];
  }

  /// Texts of roles.texts[t] by index, over all blocks so far.
  [[nodiscard]] const TextCodes& texts(std::size_t t) const { return texts_[t].codes; }

 private:
  struct TextState {
    TextCodes codes;
    std::vector<float> values;  // by index: code, NaN for missing, -1 for the scanner
  };

  void begin_block(std::size_t most_fields) override;
  void take_rows(const char* text) override;
  void take_numbers(const char* text, float* cells);
  bool settle_number(std::string_view text, std::uint32_t column, float& value) const;
  void check_listed_numbers(const char* text, float* cells);
  bool take_others(const char* text, std::int64_t r, float* cells);
  bool take_double(const char* text, std::size_t field, double& value) const;
  bool take_text(const char* text, std::size_t field, TextState& state,
                 const CellRoles::TextColumn& column, float& value) const;
  void add_pieces(const char* text);

  const CellRoles& roles_;
  std::size_t capacity_ = 0;
  std::unique_ptr<float[]> cells_;  // (rows, columns)
  std::unique_ptr<std::uint32_t[]> doubtful_;
  std::vector<bool> scanned_;  // by row of the index: for the scanner
  bool any_scanned_ = false;
  std::vector<double> targets_;
  DistinctValues distinct_targets_;
  std::vector<double> weights_;
  std::vector<std::int32_t> labels_;
  std::vector<TextState> texts_;
  std::int64_t rows_ = 0;
};

}  // namespace steepest::data
