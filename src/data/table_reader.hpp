// SPDX-License-Identifier: Apache-2.0
// All files of one input as one table: dialect from the first, headers checked, records in order.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernels/state_archive.hpp"
#include "src/data/column_names.hpp"
#include "src/data/header.hpp"
#include "src/data/record_reader.hpp"
#include "src/data/row_problem.hpp"
#include "steepest/read.hpp"

namespace steepest::data {

class TableReader {
 public:
  /// Opens the first file, decides on its dialect and header. `known_names`: column names that tell
  /// a header. Throws InputError and OptionError as the parts do.
  TableReader(const ReadOptions& options, ReadProgress progress, const ReaderLimits& limits,
              const std::vector<std::string>& known_names);

  /// Goes on to the next row of data, in this file or the next ones; false at the end. The first
  /// record of a later file must be the same header.
  bool next();

  /// As next(), but stays in this file, or with the bytes pushed to its reader.
  bool next_in_file();

  /// Goes on to the next file; false, with a last report, when there is none.
  bool open_next();

  /// Whole rows of this file that were read elsewhere.
  void skip_rows(std::int64_t rows, std::int64_t bytes, std::int64_t lines);

  /// Writes where the reader stands; or opens the file where it stood and returns where in it the
  /// next record begins: see RecordReader::go_on_at. Before the first record.
  [[nodiscard]] ReadPosition exchange_state(kernels::StateArchive& archive);

  /// Calls the progress function, when a megabyte has passed since the last time.
  void report();

  /// Calls it however little has passed.
  void report_now();

  [[nodiscard]] const Record& record() const { return reader_->record(); }
  [[nodiscard]] const RecordReader& reader() const { return *reader_; }
  [[nodiscard]] RecordReader& reader() { return *reader_; }

  /// What is wrong with the record as a whole (number of fields, a quote), if anything.
  [[nodiscard]] const RowProblem* problem() const { return problem_ ? &*problem_ : nullptr; }

  [[nodiscard]] const Dialect& dialect() const { return dialect_; }
  [[nodiscard]] const ColumnNames& names() const { return *names_; }
  [[nodiscard]] const HeadSample& sample() const { return sample_; }
  [[nodiscard]] std::int64_t records() const { return records_; }  ///< rows so far, bad ones too
  [[nodiscard]] std::int64_t bytes_read() const { return bytes_before_ + reader_->bytes_read(); }

  /// Of the files, compressed or not: file_bytes_read() of file_bytes(), which is 0 when unknown.
  [[nodiscard]] std::int64_t file_bytes() const { return bytes_total_; }
  [[nodiscard]] std::int64_t file_bytes_read() const;

  /// The error for a table without rows.
  [[noreturn]] void throw_no_rows() const;

 private:
  void open_first(const ReadOptions& options, const std::vector<std::string>& known_names);
  void open_file();
  void sniff_dialect(const ReadOptions& options, const MissingTexts& missing);
  void pass_over_comments(std::int64_t fields);
  void look_for_preamble();
  void read_header();
  void check_header();
  void check_record();

  ReaderLimits limits_;
  ReadProgress progress_;
  std::vector<std::string> files_;
  std::size_t next_file_ = 0;
  std::unique_ptr<RecordReader> reader_;
  Dialect dialect_;
  bool find_comments_ = false;  // at the head of every file
  std::optional<ColumnNames> names_;
  HeadSample sample_;
  std::optional<RowProblem> problem_;
  std::int64_t records_ = 0;
  std::int64_t bytes_before_ = 0;
  std::int64_t file_bytes_before_ = 0;
  std::int64_t bytes_total_ = 0;
  std::int64_t bytes_reported_ = 0;
};

/// The column names and numbers in the options: a header can be told by the names.
[[nodiscard]] std::vector<std::string> names_in(const ReadOptions& options);

}  // namespace steepest::data
