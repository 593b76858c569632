// SPDX-License-Identifier: Apache-2.0
// One pass over the whole input, every column summarised; no cell is an error here.
#include <fmt/format.h>

#include "src/data/column_profile.hpp"
#include "src/data/excerpt.hpp"
#include "src/data/table_reader.hpp"
#include "steepest/read.hpp"

namespace steepest {
namespace {

void add_record(const data::Record& record, std::int64_t line, const data::MissingTexts& missing,
                std::vector<data::ColumnProfile>& columns) {
  for (std::size_t j = 0; j < columns.size(); ++j) {
    const bool is_quoted = record.fields[j].form != data::Field::Form::plain;
    columns[j].add(record.text(j), is_quoted, missing, line);
  }
}

}  // namespace

FileSummary inspect(const ReadOptions& options, const ReadProgress& progress) {
  data::TableReader table(options, progress, data::ReaderLimits{}, data::names_in(options));
  const data::MissingTexts missing(options.missing_texts, options.numbers);
  std::vector<data::ColumnProfile> columns(static_cast<std::size_t>(table.names().size()),
                                           data::ColumnProfile(table.dialect()));
  FileSummary summary;
  summary.dialect = table.dialect();
  std::string first_rejected;
  while (table.next()) {
    if (const data::RowProblem* problem = table.problem()) {
      if (++summary.rows_rejected == 1) {
        first_rejected = data::error_of(*problem, table.reader(), table.names()).what();
      }
      continue;
    }
    ++summary.rows;
    add_record(table.record(), table.reader().line(), missing, columns);
  }
  summary.bytes_read = table.bytes_read();
  if (summary.rows_rejected > 0) {
    summary.warnings.push_back(fmt::format("{} rows do not fit the columns, the first one: {}",
                                           data::grouped(summary.rows_rejected), first_rejected));
  }
  if (summary.rows == 0) {
    summary.warnings.emplace_back("there are no rows");
    return summary;
  }
  for (std::size_t j = 0; j < columns.size(); ++j) {
    const std::string& name = table.names()[static_cast<std::int64_t>(j)];
    summary.columns.push_back(columns[j].summary(name));
    columns[j].append_warnings(name, summary.warnings);
  }
  return summary;
}

}  // namespace steepest
