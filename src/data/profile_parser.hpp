// SPDX-License-Identifier: Apache-2.0
// The fast path of `steepest inspect`: the rows of a block, every column summarised.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/data/block_parser.hpp"
#include "src/data/column_profile.hpp"
#include "src/data/missing_texts.hpp"

namespace steepest::data {

/// Rows of a piece, summarised. The place of a text is one behind the byte where its row begins.
struct PieceProfile {
  std::vector<ColumnProfile> columns;
  std::vector<double> numbers;  ///< (rows, columns), NaN where there is none
};

/// Leaves rows to the scanner where quotes within quotes are not what they should be, and all of a
/// block behind its first few pieces: a profile of few rows costs as much as those rows.
class ProfileParser final : public BlockParser {
 public:
  /// By column: whether distinct texts are known well enough. Set at any time by any thread.
  using Known = std::vector<std::atomic<bool>>;

  /// `missing` and `known` must outlive this.
  ProfileParser(const Dialect& dialect, const ReaderLimits& limits, const MissingTexts& missing,
                const Known& known);

  /// Of a piece with rows.
  [[nodiscard]] const PieceProfile& profile(const Piece& piece) const;

  /// The block's text in front of a byte.
  [[nodiscard]] std::string_view text_before(std::int64_t byte) const {
    return {text_, static_cast<std::size_t>(byte)};
  }

 private:
  void begin_block(std::size_t most_fields) override;
  void take_rows(const char* text) override;
  [[nodiscard]] bool all_ordinary(const char* text) const;
  void take_row(const char* text, std::int64_t row, PieceProfile& profile);

  const MissingTexts& missing_;
  const Known& known_;
  std::vector<PieceProfile> profiles_;  // those used so far come first
  std::size_t used_profiles_ = 0;
  std::int64_t rows_ = 0;
  const char* text_ = nullptr;
  std::string unescaped_;
};

}  // namespace steepest::data
