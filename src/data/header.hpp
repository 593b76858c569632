// SPDX-License-Identifier: Apache-2.0
// Is the first record a header? And what the head says about each column.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/data/missing_texts.hpp"
#include "steepest/read.hpp"

namespace steepest::data {

enum class CellKind : std::uint8_t { missing, number, text };

[[nodiscard]] CellKind cell_kind(std::string_view text, const MissingTexts& missing,
                                 const NumberFormat& format);

/// A column over the head's rows.
struct HeadColumn {
  std::int64_t present = 0;    ///< values that are not missing
  std::int64_t numbers = 0;    ///< of these, numbers
  bool repeats_first = false;  ///< the first record's text comes again
};

struct HeadSample {
  Dialect dialect;                 ///< by which it was split
  std::vector<std::string> first;  ///< the first record, blanks off
  std::vector<CellKind> first_kinds;
  std::vector<HeadColumn> columns;  ///< rows behind the first record; as long as `first`
  std::int64_t rows = 0;
  std::int64_t usual_fields = 0;  ///< fields most records have, the first one counted too
  std::string preamble_fix;       ///< option, where lines seem to stand in front of the table
  std::int64_t first_line = 1;    ///< on which the first record begins
};

/// `head_line`: the line on which the head begins.
[[nodiscard]] HeadSample sample_head(std::string_view head, bool whole, const Dialect& dialect,
                                     const MissingTexts& missing, std::int64_t head_line = 1);

/// Decides by the rules of docs/formats.md, "Header". `names`: column names the user or the model
/// knows. Throws InputError when --header yes meets a first line of numbers, or when the first line
/// is names in some numeric columns and numbers in others.
[[nodiscard]] bool has_header(const HeadSample& sample, HeaderMode mode,
                              const std::vector<std::string>& names, const std::string& file);

/// Without a header the first record is data: counts it into the columns, and sizes them by
/// usual_fields.
void count_first_as_row(HeadSample& sample);

}  // namespace steepest::data
