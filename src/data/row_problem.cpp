// SPDX-License-Identifier: Apache-2.0
// Composes the messages of docs/formats.md, "Errors".
#include "src/data/row_problem.hpp"

#include "src/data/excerpt.hpp"

namespace steepest::data {

std::string_view name_of(ProblemKind kind) {
  switch (kind) {
    case ProblemKind::field_count:
      return "field_count";
    case ProblemKind::quote:
      return "quote";
    case ProblemKind::not_number:
      return "not_number";
    case ProblemKind::infinite:
      return "infinite";
    case ProblemKind::too_large:
      return "too_large";
    case ProblemKind::missing_value:
      return "missing_value";
    case ProblemKind::missing_target:
      return "missing_target";
    case ProblemKind::missing_weight:
      return "missing_weight";
    case ProblemKind::negative_weight:
      return "negative_weight";
    case ProblemKind::unseen_level:
      return "unseen_level";
    case ProblemKind::unknown_class:
      return "unknown_class";
    case ProblemKind::too_many_levels:
      return "too_many_levels";
    case ProblemKind::text_column:
      return "text_column";
    case ProblemKind::encoding:
      return "encoding";
  }
  return "unknown";
}

Location location_of(const RowProblem& problem, const RecordReader& reader,
                     const ColumnNames& names) {
  Location location = reader.locate(problem.offset);
  if (problem.column >= 0) {
    location.column = problem.column + 1;
    location.column_name = problem.column < names.size() ? names[problem.column] : std::string();
  }
  return location;
}

InputError error_of(const RowProblem& problem, const RecordReader& reader,
                    const ColumnNames& names) {
  std::string text = problem.sentence + ". Line: " + excerpt(reader.record().raw, problem.offset);
  for (std::size_t i = 0; i < problem.fixes.size(); ++i) {
    text += (i == 0 ? " Fixes: " : " | ") + problem.fixes[i];
  }
  return {location_of(problem, reader, names), text};
}

}  // namespace steepest::data
