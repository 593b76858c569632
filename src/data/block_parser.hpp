// SPDX-License-Identifier: Apache-2.0
// One block of text cut into ordinary rows, found by vector instructions, and pieces of text that
// the scanner must look at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "src/data/field_kernels.hpp"
#include "src/data/reader_limits.hpp"
#include "src/data/record_scanner.hpp"
#include "src/data/row_index.hpp"
#include "src/data/scanner_stops.hpp"

namespace steepest::data {

/// A stretch of text, in order: rows parsed, or records left to the scanner.
struct Piece {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  std::int64_t first_row = 0;  ///< of the parser's rows
  std::int64_t rows = 0;       ///< 0: for the scanner
  std::int64_t lines = 0;      ///< of parsed rows
};

/// One a thread. What becomes of rows is for the parsers that derive from it; what they return
/// stays valid until the next parse().
class BlockParser {
 public:
  /// `columns`: fields of a row.
  BlockParser(const Dialect& dialect, const ReaderLimits& limits, std::int64_t columns);
  BlockParser(const BlockParser&) = delete;
  BlockParser(BlockParser&&) = default;
  BlockParser& operator=(const BlockParser&) = delete;
  BlockParser& operator=(BlockParser&&) = delete;
  virtual ~BlockParser() = default;

  /// Parses text[begin, end), where a record begins at `begin`. text[end] is a null byte, and
  /// text_padding bytes on both sides are readable. Fills pieces() up to used(), where a record
  /// begins whose end is not there yet.
  void parse(const char* text, std::uint32_t begin, std::uint32_t end);

  [[nodiscard]] const std::vector<Piece>& pieces() const { return pieces_; }
  [[nodiscard]] std::uint32_t used() const { return used_; }

 protected:
  /// Another block, of at most so many fields: what is kept of the last one can go.
  virtual void begin_block(std::size_t most_fields) = 0;

  /// Rows are in index(): makes pieces of them all, in order.
  virtual void take_rows(const char* text) = 0;

  /// Neighbours of a kind become one.
  void add(const Piece& piece);

  /// A field of the index, without the quotes around it.
  [[nodiscard]] std::string_view plain(const char* text, std::size_t field) const {
    const std::uint32_t start = index_.starts()[field];
    return {text + start, index_.ends()[field] - start};
  }

  /// Whether it had quotes around it.
  [[nodiscard]] bool is_quoted(const char* text, std::size_t field) const {
    const std::uint32_t start = index_.starts()[field];
    return index_.has_quotes && start > index_.row_begins()[0] && text[start - 1] == dialect_.quote;
  }

  /// Lines of the index's rows in text[begin, end), so many rows.
  [[nodiscard]] std::int64_t lines(const char* text, std::uint32_t begin, std::uint32_t end,
                                   std::int64_t rows) const;

  [[nodiscard]] RowIndex& index() { return index_; }
  [[nodiscard]] const RowIndex& index() const { return index_; }
  [[nodiscard]] const FieldKernels& kernels() const { return kernels_; }
  [[nodiscard]] const Dialect& dialect() const { return dialect_; }
  [[nodiscard]] std::int64_t columns() const { return columns_; }

 private:
  void index_rows(const char* text);

  const FieldKernels& kernels_;
  Dialect dialect_;
  ScannerStops stops_;
  RecordScanner fresh_scanner_;
  RecordScanner scanner_;
  std::int64_t columns_;
  std::vector<Piece> pieces_;
  std::uint32_t used_ = 0;
  RowIndex index_;
};

}  // namespace steepest::data
