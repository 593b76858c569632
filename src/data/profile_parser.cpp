// SPDX-License-Identifier: Apache-2.0
#include "src/data/profile_parser.hpp"

#include <algorithm>

namespace steepest::data {
namespace {

constexpr std::size_t most_pieces = 4;  // of a block, with rows

// Whether every quote is one of two.
bool all_doubled(std::string_view text, char quote) {
  std::size_t at = 0;
  while ((at = text.find(quote, at)) != std::string_view::npos) {
    if (at + 1 == text.size() || text[at + 1] != quote) {
      return false;
    }
    at += 2;
  }
  return true;
}

}  // namespace

ProfileParser::ProfileParser(const Dialect& dialect, const ReaderLimits& limits,
                             const MissingTexts& missing, const Known& known)
    : BlockParser(dialect, limits, static_cast<std::int64_t>(known.size())),
      missing_(missing),
      known_(known) {}

const PieceProfile& ProfileParser::profile(const Piece& piece) const {
  const auto with_rows = [](const Piece& other) { return other.rows > 0; };
  const auto end = std::find_if(pieces().begin(), pieces().end(), [&piece](const Piece& other) {
    return other.begin == piece.begin;
  });
  return profiles_[static_cast<std::size_t>(std::count_if(pieces().begin(), end, with_rows))];
}

void ProfileParser::begin_block(std::size_t /*most_fields*/) {
  used_profiles_ = 0;
  rows_ = 0;
}

void ProfileParser::take_rows(const char* text) {
  text_ = text;
  const std::uint32_t begin = index().row_begins()[0];
  const std::uint32_t end = index().row_begins()[index().rows];
  const bool goes_on = !pieces().empty() && pieces().back().rows > 0;
  if (!all_ordinary(text) || (!goes_on && used_profiles_ == most_pieces)) {
    add({begin, end, 0, 0, 0});
    return;
  }
  if (!goes_on) {
    if (profiles_.size() == used_profiles_) {
      profiles_.emplace_back();
    }
    PieceProfile& fresh = profiles_[used_profiles_++];
    fresh.columns.assign(known_.size(), ColumnProfile(dialect()));
    fresh.numbers.clear();
  }
  PieceProfile& profile = profiles_[used_profiles_ - 1];
  for (std::int64_t r = 0; r < index().rows; ++r) {
    take_row(text, r, profile);
  }
  add({begin, end, rows_, index().rows, lines(text, begin, end, index().rows)});
  rows_ += index().rows;
}

// Whether the scanner would take every field for what the index takes it for. A lone field that is
// empty may be a blank line.
bool ProfileParser::all_ordinary(const char* text) const {
  const auto fields = static_cast<std::size_t>(index().rows * columns());
  for (std::size_t f = 0; index().has_quotes && f < fields; ++f) {
    if (is_quoted(text, f) && !all_doubled(plain(text, f), dialect().quote)) {
      return false;
    }
  }
  for (std::size_t f = 0; columns() == 1 && f < fields; ++f) {
    if (trimmed(plain(text, f)).empty()) {
      return false;
    }
  }
  return true;
}

void ProfileParser::take_row(const char* text, std::int64_t row, PieceProfile& profile) {
  const std::int64_t place = index().row_begins()[row] + std::int64_t{1};
  for (std::size_t j = 0; j < profile.columns.size(); ++j) {
    const std::size_t f = static_cast<std::size_t>(row * columns()) + j;
    std::string_view field = plain(text, f);
    const bool quoted = is_quoted(text, f);
    if (quoted && field.find(dialect().quote) != std::string_view::npos) {
      unescaped_.clear();
      for (std::size_t i = 0; i < field.size(); ++i) {
        unescaped_ += field[i];
        i += field[i] == dialect().quote ? 1 : 0;
      }
      field = unescaped_;
    }
    profile.numbers.push_back(profile.columns[j].add(field, quoted, missing_, place,
                                                     !known_[j].load(std::memory_order_relaxed)));
  }
}

}  // namespace steepest::data
