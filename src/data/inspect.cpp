// SPDX-License-Identifier: Apache-2.0
// One pass over the whole input, every column summarised; no cell is an error here.
#include <fmt/format.h>

#include <optional>
#include <utility>

#include "src/data/column_profile.hpp"
#include "src/data/column_relations.hpp"
#include "src/data/excerpt.hpp"
#include "src/data/table_reader.hpp"
#include "steepest/read.hpp"

namespace steepest {
namespace {

// The numbers of a record, NaN where there are none, into `numbers`.
void add_record(const data::Record& record, std::int64_t line, const data::MissingTexts& missing,
                std::vector<data::ColumnProfile>& columns, std::vector<double>& numbers) {
  numbers.clear();
  for (std::size_t j = 0; j < columns.size(); ++j) {
    const bool is_quoted = record.fields[j].form != data::Field::Form::plain;
    numbers.push_back(columns[j].add(record.text(j), is_quoted, missing, line));
  }
}

// Relations among columns, suspected from the first rows and held against all.
class RelationSearch {
 public:
  explicit RelationSearch(std::int64_t columns) : columns_(columns) {}

  void add(const std::vector<double>& row) {
    if (relations_) {
      relations_->check(row.data());
      return;
    }
    head_.insert(head_.end(), row.begin(), row.end());
    if (++rows_ == head_rows) {
      look();
    }
  }

  [[nodiscard]] std::string sentence(const std::vector<std::string>& names) {
    if (!relations_) {
      look();
    }
    return describe(*relations_, names);
  }

 private:
  static constexpr std::int64_t head_rows = 2048;

  void look() {
    relations_.emplace(head_, rows_, columns_);
    for (std::int64_t i = 0; i < rows_; ++i) {
      relations_->check(head_.data() + i * columns_);
    }
    head_ = {};
  }

  std::int64_t columns_;
  std::int64_t rows_ = 0;
  std::vector<double> head_;
  std::optional<data::ColumnRelations> relations_;
};

}  // namespace

FileSummary inspect(const ReadOptions& options, const ReadProgress& progress) {
  data::TableReader table(options, progress, data::ReaderLimits{}, data::names_in(options));
  const data::MissingTexts missing(options.missing_texts, options.numbers);
  std::vector<data::ColumnProfile> columns(static_cast<std::size_t>(table.names().size()),
                                           data::ColumnProfile(table.dialect()));
  FileSummary summary;
  summary.dialect = table.dialect();
  RelationSearch search(table.names().size());
  std::vector<double> numbers;
  std::string first_rejected;
  while (table.next()) {
    if (const data::RowProblem* problem = table.problem()) {
      if (++summary.rows_rejected == 1) {
        first_rejected = data::error_of(*problem, table.reader(), table.names()).what();
      }
      continue;
    }
    ++summary.rows;
    add_record(table.record(), table.reader().line(), missing, columns, numbers);
    search.add(numbers);
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
  std::vector<std::string> names;
  for (std::size_t j = 0; j < columns.size(); ++j) {
    const std::string& name = table.names()[static_cast<std::int64_t>(j)];
    summary.columns.push_back(columns[j].summary(name));
    columns[j].append_warnings(name, summary.warnings);
    names.push_back(name);
  }
  if (std::string related = search.sentence(names); !related.empty()) {
    summary.warnings.push_back(std::move(related));
  }
  return summary;
}

}  // namespace steepest
