// SPDX-License-Identifier: Apache-2.0
// One pass over the whole input, every column summarised; no cell is an error here.
#include "src/data/inspect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "src/data/block_reading.hpp"
#include "src/data/column_relations.hpp"
#include "src/data/excerpt.hpp"
#include "src/data/profile_parser.hpp"
#include "src/data/table_reader.hpp"

namespace steepest {
namespace data {
namespace {

// Relations among columns, suspected from the first rows and held against all.
class RelationSearch {
 public:
  explicit RelationSearch(std::int64_t columns) : columns_(columns) {}

  /// So many rows of numbers, NaN where there are none.
  void add(const double* numbers, std::int64_t rows) {
    for (std::int64_t i = 0; i < rows && is_searching(); ++i, numbers += columns_) {
      add(numbers);
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

  [[nodiscard]] bool is_searching() const { return !relations_ || relations_->any(); }

  void add(const double* row) {
    if (relations_) {
      relations_->check(row);
      return;
    }
    head_.insert(head_.end(), row, row + columns_);
    if (++rows_ == head_rows) {
      look();
    }
  }

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
  std::optional<ColumnRelations> relations_;
};

// One read of the input. Members are in the order in which they depend on each other.
class Inspection final : RowSink {
 public:
  Inspection(const ReadOptions& options, const ReadProgress& progress, const ReaderLimits& limits)
      : table_(options, progress, limits, names_in(options)),
        missing_(options.missing_texts, options.numbers),
        columns_(static_cast<std::size_t>(table_.names().size()), ColumnProfile(table_.dialect())),
        known_(columns_.size()),
        search_(table_.names().size()),
        blocks_(table_, limits, options.threads) {
    for (int worker = 0; worker < blocks_.threads(); ++worker) {
      parsers_.emplace_back(table_.dialect(), limits, missing_, known_);
    }
  }

  FileSummary run() {
    summary_.dialect = table_.dialect();
    blocks_.run(*this);
    summary_.bytes_read = table_.bytes_read();
    if (summary_.rows_rejected > 0) {
      summary_.warnings.push_back(fmt::format("{} rows do not fit the columns, the first one: {}",
                                              grouped(summary_.rows_rejected), first_rejected_));
    }
    if (summary_.rows == 0) {
      summary_.warnings.emplace_back("there are no rows");
      return std::move(summary_);
    }
    std::vector<std::string> names;
    for (std::size_t j = 0; j < columns_.size(); ++j) {
      const std::string& name = table_.names()[static_cast<std::int64_t>(j)];
      summary_.columns.push_back(columns_[j].summary(name));
      columns_[j].append_warnings(name, summary_.warnings);
      names.push_back(name);
    }
    if (std::string related = search_.sentence(names); !related.empty()) {
      summary_.warnings.push_back(std::move(related));
    }
    return std::move(summary_);
  }

 private:
  BlockParser& parser(int worker) override { return parsers_[static_cast<std::size_t>(worker)]; }

  void begin_block(int /*worker*/) override { table_.report(); }

  bool take_rows(int worker, const Piece& piece) override {
    const ProfileParser& parser = parsers_[static_cast<std::size_t>(worker)];
    const PieceProfile& profile = parser.profile(piece);
    const std::int64_t first_line = table_.reader().next_line();
    const auto line_of = [&](std::int64_t place) {
      const std::string_view before = parser.text_before(place - 1).substr(piece.begin);
      return first_line + std::count(before.begin(), before.end(), '\n');
    };
    for (std::size_t j = 0; j < columns_.size(); ++j) {
      columns_[j].append(profile.columns[j], line_of);
      known_[j].store(columns_[j].has_all_texts(), std::memory_order_relaxed);
    }
    search_.add(profile.numbers.data(), piece.rows);
    summary_.rows += piece.rows;
    return true;
  }

  void take_record(int /*worker*/) override {
    if (const RowProblem* problem = table_.problem()) {
      if (++summary_.rows_rejected == 1) {
        first_rejected_ = error_of(*problem, table_.reader(), table_.names()).what();
      }
      return;
    }
    ++summary_.rows;
    const Record& record = table_.record();
    numbers_.clear();
    for (std::size_t j = 0; j < columns_.size(); ++j) {
      const bool is_quoted = record.fields[j].form != Field::Form::plain;
      numbers_.push_back(
          columns_[j].add(record.text(j), is_quoted, missing_, table_.reader().line()));
    }
    search_.add(numbers_.data(), 1);
  }

  void finish_block(int /*worker*/, std::int64_t /*number*/) override {}
  void finish_file() override {}

  TableReader table_;
  MissingTexts missing_;
  std::vector<ColumnProfile> columns_;
  ProfileParser::Known known_;
  RelationSearch search_;
  FileSummary summary_;
  std::string first_rejected_;
  std::vector<double> numbers_;  // of a record
  BlockReading blocks_;
  std::vector<ProfileParser> parsers_;  // by worker
};

}  // namespace

FileSummary inspect_csv(const ReadOptions& options, const ReadProgress& progress,
                        const ReaderLimits& limits) {
  return Inspection(options, progress, limits).run();
}

}  // namespace data

FileSummary inspect(const ReadOptions& options, const ReadProgress& progress) {
  return data::inspect_csv(options, progress, data::ReaderLimits{});
}

}  // namespace steepest
