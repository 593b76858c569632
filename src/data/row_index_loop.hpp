// SPDX-License-Identifier: Apache-2.0
// index_rows, written once over 64-byte blocks; `Isa` compares bytes and spreads masks. Included by
// one source file a level, each compiled for its own instructions: everything here is static.
//
// Quotes: a prefix sum modulo 2 over the quote bits tells what lies inside. That is right for RFC
// 4180 text only, so every opening quote must follow a field's start (or a closing quote: a doubled
// one), and every closing quote must be followed by a field's end or a quote. Where that fails the
// indexer stops, and the scanner decides.
#pragma once

#include <cstdint>

#include "src/data/row_index.hpp"

namespace steepest::data {
namespace {  // NOLINT(google-build-namespaces): a copy for each instruction set

struct BlockMasks {
  std::uint64_t delimiters = 0;
  std::uint64_t line_feeds = 0;
  std::uint64_t quotes = 0;
  std::uint64_t returns = 0;
  std::uint64_t nulls = 0;
};

// What one block hands to the next.
struct QuoteState {
  std::uint64_t inside = 0;          // all ones inside quotes
  std::uint64_t after_boundary = 1;  // bit 0: the byte before this block ends a field or row
  std::uint64_t after_closing = 0;   // bit 0: it is a closing quote
};

// Sets `inside` to the bytes within quotes, opening quote included; false when a quote is
// misplaced.
template <class Isa>
inline bool follow_quotes(const BlockMasks& block, QuoteState& state, std::uint64_t& inside) {
  inside = Isa::prefix_xor(block.quotes) ^ state.inside;
  const std::uint64_t opening = block.quotes & inside;
  const std::uint64_t closing = block.quotes & ~inside;
  const std::uint64_t boundary = (block.delimiters | block.line_feeds) & ~inside;
  const std::uint64_t behind_boundary = (boundary << 1) | state.after_boundary;
  const std::uint64_t behind_closing = (closing << 1) | state.after_closing;
  const bool misplaced = (opening & ~(behind_boundary | behind_closing)) != 0 ||
                         (behind_closing & ~(boundary | block.quotes | block.returns)) != 0;
  state.inside = static_cast<std::uint64_t>(static_cast<std::int64_t>(inside) >> 63);
  state.after_boundary = boundary >> 63;
  state.after_closing = closing >> 63;
  return !misplaced;
}

// Takes the quotes off the fields that have them.
inline void strip_quotes(const char* text, std::uint32_t columns, char quote, RowIndex& index) {
  const auto fields = static_cast<std::size_t>(index.rows) * columns;
  std::uint32_t* const starts = index.starts();
  std::uint32_t* const ends = index.ends();
  for (std::size_t f = 0; f < fields; ++f) {
    if (text[starts[f]] == quote && ends[f] > starts[f]) {
      ++starts[f];
      --ends[f];
    }
  }
}

template <class Isa>
void index_rows_loop(const IndexTask& task, RowIndex& index) {
  const char* const text = task.text;
  std::uint32_t* const starts = index.starts();
  std::uint32_t* const ends = index.ends();
  std::uint32_t* const row_begins = index.row_begins();
  const Isa isa(task.delimiter, task.quote);
  QuoteState quotes;
  std::uint32_t fields = 0;  // found so far, those of an unfinished row too
  std::uint32_t rows = 0;
  std::uint32_t row_end = task.columns;  // value of `fields` at the next row's end
  std::uint64_t returns = 0;  // CR bytes so far, and the part of them that stood before LF
  std::uint64_t paired_returns = 0;
  starts[0] = task.begin;
  row_begins[0] = task.begin;
  index.has_quotes = false;
  for (std::uint32_t at = task.begin; at < task.end; at += 64) {
    BlockMasks block = isa.masks(text + at);
    if (task.end - at < 64) {
      const std::uint64_t valid = (std::uint64_t{1} << (task.end - at)) - 1;
      block.delimiters &= valid;
      block.line_feeds &= valid;
      block.quotes &= valid;
      block.returns &= valid;
      block.nulls &= valid;
    }
    std::uint64_t inside = 0;
    const bool ordinary =
        (block.quotes | block.returns | block.nulls | quotes.inside | quotes.after_closing) == 0;
    if (!ordinary) {
      if (block.nulls != 0 || !follow_quotes<Isa>(block, quotes, inside)) {
        break;
      }
      index.has_quotes |= (block.quotes | inside) != 0;
    } else {
      quotes.after_boundary = (block.delimiters | block.line_feeds) >> 63;
    }
    const std::uint64_t row_ends = block.line_feeds & ~inside;
    const std::uint64_t boundaries = (block.delimiters & ~inside) | row_ends;
    isa.append(boundaries, at, starts + fields + 1, ends + fields);
    bool stop = false;
    for (std::uint64_t left = row_ends; left != 0; left &= left - 1) {
      const auto bit = static_cast<std::uint32_t>(Isa::trailing_zeros(left));
      const std::uint64_t up_to = left ^ (left - 1);  // this bit and all below
      const std::uint32_t rank =
          fields + static_cast<std::uint32_t>(Isa::population(boundaries & up_to));
      const std::uint32_t feed = at + bit;
      const bool returned = feed > row_begins[rows] && text[feed - 1] == '\r';
      const std::uint64_t returns_here =
          returns + static_cast<std::uint64_t>(Isa::population(block.returns & up_to));
      paired_returns += returned ? 1 : 0;
      if (rank != row_end || returns_here != paired_returns) {
        stop = true;
        break;
      }
      ends[rank - 1] = feed - (returned ? 1 : 0);
      ++rows;
      row_begins[rows] = feed + 1;
      row_end = rank + task.columns;
    }
    returns += static_cast<std::uint64_t>(Isa::population(block.returns));
    fields += static_cast<std::uint32_t>(Isa::population(boundaries));
    if (stop || (rows > 0 && at - task.begin >= task.enough)) {
      break;
    }
  }
  index.rows = rows;
  if (index.has_quotes) {
    strip_quotes(text, task.columns, task.quote, index);
  }
}

}  // namespace
}  // namespace steepest::data
