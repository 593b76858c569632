// SPDX-License-Identifier: Apache-2.0
// Rows are indexed some at a time. Where there is no ordinary row, a scanner finds the record's
// end.
#include "src/data/block_parser.hpp"

#include <algorithm>

namespace steepest::data {
namespace {

constexpr std::uint32_t index_bytes = 32 * 1024;  // of text at once: its index stays in cache

}  // namespace

BlockParser::BlockParser(const Dialect& dialect, const ReaderLimits& limits, std::int64_t columns)
    : kernels_(field_kernels(limits.simd)),
      dialect_(dialect),
      stops_(dialect),
      fresh_scanner_(dialect),
      scanner_(fresh_scanner_),
      columns_(columns) {}

void BlockParser::parse(const char* text, std::uint32_t begin, std::uint32_t end) {
  pieces_.clear();
  index_.reserve(end - begin);
  begin_block(end - begin);
  used_ = begin;
  stops_.begin(text, end);
  while (used_ < end) {
    index_rows(text);
    if (index_.rows > 0) {
      take_rows(text);
      used_ = index_.row_begins()[index_.rows];
      continue;
    }
    const std::int64_t bytes = scanner_.scan(text + used_, end - used_, /*last=*/false);
    if (bytes < 0) {
      scanner_ = fresh_scanner_;
      return;
    }
    std::uint32_t next = used_ + static_cast<std::uint32_t>(bytes);
    if (scanner_.ended_with_return()) {
      if (next == end) {
        return;  // whether a LF follows is not known
      }
      next += text[next] == '\n' ? 1 : 0;
    }
    add({used_, next, 0, 0, 0});
    used_ = next;
  }
}

// None where the scanner must look first.
void BlockParser::index_rows(const char* text) {
  const std::uint32_t stop = stops_.next(used_);
  index_.rows = 0;
  if (stop > used_) {
    kernels_.index_rows({text, used_, stop, index_bytes, static_cast<std::uint32_t>(columns_),
                         dialect_.delimiter, dialect_.quote},
                        index_);
  }
}

std::int64_t BlockParser::lines(const char* text, std::uint32_t begin, std::uint32_t end,
                                std::int64_t rows) const {
  return index_.has_quotes ? std::count(text + begin, text + end, '\n') : rows;
}

void BlockParser::add(const Piece& piece) {
  if (!pieces_.empty()) {
    Piece& last = pieces_.back();
    if (last.end == piece.begin && (last.rows > 0) == (piece.rows > 0) &&
        last.first_row + last.rows == piece.first_row) {
      last.end = piece.end;
      last.rows += piece.rows;
      last.lines += piece.lines;
      return;
    }
  }
  pieces_.push_back(piece);
}

}  // namespace steepest::data
