// SPDX-License-Identifier: Apache-2.0
// Opens file after file; a record that does not fit the table is reported, not thrown.
#include "src/data/table_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "src/data/dialect.hpp"
#include "src/data/excerpt.hpp"
#include "src/data/input_files.hpp"
#include "src/data/lines.hpp"
#include "src/data/preamble.hpp"
#include "steepest/error.hpp"

namespace steepest::data {
namespace {

constexpr std::int64_t report_bytes = std::int64_t{1} << 20;
constexpr std::int64_t lines_behind_comments = 3;  // header, a row, and proof that it is whole
constexpr const char* no_lines = "the file is empty: it has blank lines or comments only";

std::string_view sentence_of(QuoteFault fault) {
  return fault == QuoteFault::text_after
             ? "text follows a closing quote; a quote inside a quoted field is written twice"
             : "a quote stands inside a field that does not start with one; put the field in "
               "quotes and write the quote twice";
}

}  // namespace

std::vector<std::string> names_in(const ReadOptions& options) {
  std::vector<std::string> names = options.targets;
  names.insert(names.end(), options.features.begin(), options.features.end());
  names.insert(names.end(), options.ignore.begin(), options.ignore.end());
  names.insert(names.end(), options.categorical.begin(), options.categorical.end());
  if (!options.weight.empty()) {
    names.push_back(options.weight);
  }
  return names;
}

TableReader::TableReader(const ReadOptions& options, ReadProgress progress,
                         const ReaderLimits& limits, const std::vector<std::string>& known_names)
    : limits_(limits), progress_(std::move(progress)), files_(input_files(options.paths)) {
  check_dialect(options);
  dialect_ = dialect_of(options);
  find_comments_ = !options.comment && dialect_.quote != usual_comment &&
                   options.delimiter.value_or('\0') != usual_comment;
  bytes_total_ = total_bytes(files_);
  open_first(options, known_names);
}

void TableReader::open_first(const ReadOptions& options,
                             const std::vector<std::string>& known_names) {
  const MissingTexts missing(options.missing_texts, options.numbers);
  open_file();
  sniff_dialect(options, missing);
  sample_ =
      sample_head(reader_->head(), reader_->head_is_all(), dialect_, missing, reader_->next_line());
  if (sample_.first.empty()) {
    throw InputError(Location{reader_->name()}, no_lines);
  }
  dialect_.header = has_header(sample_, options.header, known_names, reader_->name());
  look_for_preamble();
  if (dialect_.header) {
    read_header();
    names_.emplace(*reader_);
    // A header longer than the head has columns that the sample has not seen.
    sample_.columns.resize(static_cast<std::size_t>(names_->size()));
  } else {
    count_first_as_row(sample_);
    names_.emplace(reader_->name(), sample_.usual_fields);
  }
  names_->set_preamble_fix(sample_.preamble_fix);
}

// The next file. Lines to skip and announced comments at its head are left out, however many; those
// that may be comments stay, with enough of the table behind them to tell.
void TableReader::open_file() {
  reader_ = std::make_unique<RecordReader>(files_[next_file_++], limits_);
  dialect_.byte_order_mark = names_ ? dialect_.byte_order_mark : reader_->byte_order_mark();
  if (!reader_->skip_lines(dialect_.skipped_lines)) {
    throw InputError(Location{reader_->name()},
                     fmt::format("the file ends within the {} lines that --skip-lines leaves out",
                                 grouped(dialect_.skipped_lines)));
  }
  const auto front = [this](char comment) {
    const std::string_view head = reader_->head();
    return head.substr(0, head.size() - behind_comments(head, comment).size());
  };
  if (dialect_.comment != '\0') {
    std::int64_t lines = 0;
    do {
      lines = count_lines(front(dialect_.comment));
    } while (lines > 0 && reader_->skip_lines(lines));
  } else if (find_comments_ && !front(usual_comment).empty()) {
    while (count_lines(behind_comments(reader_->head(), usual_comment)) < lines_behind_comments &&
           reader_->grow_head()) {
    }
  }
}

void TableReader::sniff_dialect(const ReadOptions& options, const MissingTexts& missing) {
  const std::string_view head = reader_->head();
  std::string_view table = find_comments_ ? behind_comments(head, usual_comment) : head;
  table = table.empty() ? head : table;
  const bool whole = reader_->head_is_all();
  if (!options.delimiter) {
    dialect_.delimiter = sniff_delimiter(table, whole, dialect_);
  }
  if (table.size() < head.size()) {
    pass_over_comments(sample_head(table, whole, dialect_, missing).usual_fields);
  }
  reader_->set_dialect(dialect_);
}

// Lines at the head of the file that begin with # and cannot be a header or row of so many fields.
void TableReader::pass_over_comments(std::int64_t fields) {
  const std::int64_t lines =
      leading_comments(reader_->head(), reader_->head_is_all(), dialect_, fields);
  dialect_.comment_lines += names_ ? 0 : lines;
  static_cast<void>(reader_->skip_lines(lines));
}

// Lines that do not fit are not left out unasked: they may be all there is of the header.
void TableReader::look_for_preamble() {
  if (static_cast<std::int64_t>(sample_.first.size()) == sample_.usual_fields ||
      sample_.usual_fields < 2) {
    return;
  }
  const std::optional<std::int64_t> lines =
      preamble_lines(reader_->head(), reader_->head_is_all(), dialect_, sample_.usual_fields);
  sample_.preamble_fix = lines ? fmt::format("--skip-lines {}", reader_->next_line() - 1 + *lines)
                               : "--skip-lines N if N lines stand before the table";
}

void TableReader::read_header() {
  if (!reader_->next()) {
    throw InputError(Location{reader_->name()}, no_lines);
  }
  if (record().fault != QuoteFault::none) {
    check_record();
    throw error_of(*problem_, *reader_, ColumnNames(reader_->name(), 0));
  }
}

bool TableReader::open_next() {
  reader_->source().expect_unchanged();
  if (next_file_ == files_.size()) {
    if (progress_ && bytes_read() > bytes_reported_) {
      bytes_reported_ = bytes_read();
      progress_({file_bytes_read(), bytes_total_, bytes_read(), records_});
    }
    return false;
  }
  file_bytes_before_ = file_bytes_read();
  bytes_before_ += reader_->bytes_read();
  open_file();
  if (find_comments_) {
    pass_over_comments(names_->size());
  }
  reader_->set_dialect(dialect_);
  if (dialect_.header) {
    read_header();
    check_header();
  }
  return true;
}

// The first difference to the first file's header is the one named.
void TableReader::check_header() {
  const std::vector<std::string> found = header_names(record());
  const std::vector<std::string>& expected = names_->all();
  if (found == expected) {
    return;
  }
  const auto common = static_cast<std::ptrdiff_t>(std::min(found.size(), expected.size()));
  const auto [differs, other] =
      std::mismatch(found.begin(), found.begin() + common, expected.begin());
  const auto j = static_cast<std::size_t>(differs - found.begin());
  if (differs == found.begin() + common) {
    throw InputError(reader_->locate(0),
                     fmt::format("the header has {} columns, but the one of {} has {}",
                                 found.size(), names_->file(), expected.size()));
  }
  Location location = reader_->locate(record().fields[j].at);
  location.column = static_cast<std::int64_t>(j) + 1;
  throw InputError(location, fmt::format("the header has {} where the one of {} has {}; all files "
                                         "must have the same columns in the same order",
                                         quoted(*differs), names_->file(), quoted(*other)));
}

void TableReader::check_record() {
  problem_.reset();
  const Record& found = record();
  const auto fields = static_cast<std::int64_t>(found.fields.size());
  if (found.fault != QuoteFault::none) {
    std::int64_t column = fields - 1;
    while (column > 0 && found.fields[static_cast<std::size_t>(column)].at > found.fault_at) {
      --column;
    }
    problem_ = {ProblemKind::quote,
                column,
                found.fault_at,
                std::string(sentence_of(found.fault)),
                {},
                false};
  } else if (fields != names_->size()) {
    problem_ = {ProblemKind::field_count,
                -1,
                0,
                fmt::format("expected {} columns, found {}", names_->size(), fields),
                {},
                false};
    if (!sample_.preamble_fix.empty()) {
      problem_->fixes.push_back(sample_.preamble_fix);
    }
  }
}

void TableReader::report() {
  if (bytes_read() - bytes_reported_ >= report_bytes) {
    report_now();
  }
}

void TableReader::report_now() {
  bytes_reported_ = bytes_read();
  if (progress_) {
    progress_({file_bytes_read(), bytes_total_, bytes_read(), records_});
  }
}

std::int64_t TableReader::file_bytes_read() const {
  const ByteSource& source = reader_->source();
  return file_bytes_before_ + (source.compressed() ? source.file_bytes() : reader_->bytes_read());
}

bool TableReader::next_in_file() {
  if (!reader_->next()) {
    return false;
  }
  ++records_;
  check_record();
  return true;
}

bool TableReader::next() {
  while (!next_in_file()) {
    if (!open_next()) {
      return false;
    }
  }
  report();
  return true;
}

void TableReader::skip_rows(std::int64_t rows, std::int64_t bytes, std::int64_t lines) {
  reader_->skip(bytes, lines);
  records_ += rows;
}

ReadPosition TableReader::exchange_state(kernels::StateArchive& archive) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / 2;
  auto file = static_cast<std::int64_t>(next_file_) - 1;
  archive.exchange_in(file, 0, static_cast<std::int64_t>(files_.size()) - 1);
  while (static_cast<std::int64_t>(next_file_) - 1 < file) {
    open_next();
  }
  ReadPosition at = reader_->position();
  archive.exchange_in(at.byte, archive.is_reading() ? at.byte : 0, most);
  archive.exchange_in(at.line, archive.is_reading() ? at.line : 1, most);
  archive.exchange(at.after_return);
  archive.exchange_in(records_, 0, most);
  archive.exchange_in(bytes_before_, 0, most);
  archive.exchange_in(file_bytes_before_, 0, most);
  bytes_reported_ = bytes_read();
  return at;
}

void TableReader::throw_no_rows() const {
  throw InputError(Location{names_->file()},
                   dialect_.header
                       ? "has a header but no rows. Fixes: --header no, if its one line "
                         "is data"
                       : "has no rows");
}

}  // namespace steepest::data
