// SPDX-License-Identifier: Apache-2.0
// Why a record is no row: the sentence, the cell, and what the user can do.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/data/column_names.hpp"
#include "src/data/record_reader.hpp"
#include "steepest/error.hpp"

namespace steepest::data {

enum class ProblemKind : std::uint8_t {
  field_count,
  quote,
  not_number,
  infinite,
  too_large,
  missing_value,
  missing_target,
  missing_weight,
  negative_weight,
  unseen_level,
  unknown_class,
  too_many_levels,
  text_column,
  encoding,
};

/// The word in the `error` column of the rejects file.
[[nodiscard]] std::string_view name_of(ProblemKind kind);

struct RowProblem {
  ProblemKind kind = ProblemKind::field_count;
  std::int64_t column = -1;  ///< in the file, from 0; -1: the whole record
  std::size_t offset = 0;    ///< of the faulty byte in the record
  std::string sentence;
  std::vector<std::string> fixes;
  bool of_column = false;  ///< skipping rows would not help: the column is at fault
};

[[nodiscard]] Location location_of(const RowProblem& problem, const RecordReader& reader,
                                   const ColumnNames& names);

/// `SENTENCE. Line: EXCERPT Fixes: A | B` at its place.
[[nodiscard]] InputError error_of(const RowProblem& problem, const RecordReader& reader,
                                  const ColumnNames& names);

}  // namespace steepest::data
