// SPDX-License-Identifier: Apache-2.0
// From bytes to rows: reading delimited text into a Dataset, or block by block.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "steepest/dataset.hpp"
#include "steepest/row_source.hpp"

namespace steepest {

enum class HeaderMode { automatic, yes, no };
enum class MissingPolicy { error, mean, drop, zero };
enum class BadRowPolicy { error, skip };
enum class TargetKind { automatic, numbers, classes };
enum class UnseenLevelPolicy { error, baseline };

/// How numbers are written.
struct NumberFormat {
  char decimal = '.';     ///< in front of the fraction: a point or a comma
  char thousands = '\0';  ///< between groups of three digits in front of it; '\0': none
};

/// How a file is written. A character '\0' is none.
struct Dialect {
  char delimiter = ',';
  bool header = true;
  bool byte_order_mark = false;
  char quote = '"';                ///< around fields; doubled inside
  char escape = '\0';              ///< inside quotes: the character behind it is text
  char comment = '\0';             ///< a line that begins with it, outside quotes, is no record
  NumberFormat numbers{};          ///< of features, targets and weights
  std::int64_t skipped_lines = 0;  ///< asked for, at the head of each file
  std::int64_t comment_lines = 0;  ///< found at the head of the first file and passed over
};

/// Columns are named, or numbered from 1; a negative number counts from the last column, -1. A name
/// wins over a number. `features` empty means every column that is nothing else.
struct ReadOptions {
  std::vector<std::string> paths;  ///< files, glob patterns, or "-" for standard input
  std::vector<std::string> targets;
  std::vector<std::string> features;
  std::vector<std::string> ignore;
  std::vector<std::string> categorical;
  std::string weight;
  std::optional<char> delimiter;  ///< nullopt: sniffed among , ; tab |
  char quote = '"';               ///< as in Dialect, and so are the next four
  char escape = '\0';             ///< '\0', or the quote: only doubled quotes
  std::optional<char> comment;    ///< nullopt: `#` at the head of a file, by its number of fields
  NumberFormat numbers;
  std::int64_t skip_lines = 0;  ///< 0 or more, of each file
  HeaderMode header = HeaderMode::automatic;
  std::vector<std::string> missing_texts;  ///< counted as missing beside the default list
  MissingPolicy missing = MissingPolicy::error;
  BadRowPolicy bad_rows = BadRowPolicy::error;
  std::string rejects_path;  ///< CSV of the rows skipped; empty: none is written
  TargetKind target_kind = TargetKind::automatic;
  UnseenLevelPolicy unseen_levels = UnseenLevelPolicy::error;
  int threads = 0;  ///< 0: every processor this process may run on. The result is the same.
};

/// How far a read is. Bytes are those of the files: compressed where files are compressed.
struct ReadState {
  std::int64_t bytes_read = 0;
  std::int64_t bytes_total = 0;  ///< 0 when unknown
  std::int64_t text_bytes = 0;   ///< read so far, after decompression
  std::int64_t rows = 0;         ///< read so far, rejected ones too
};

/// Called now and then, by one thread at a time. May throw to give up.
using ReadProgress = std::function<void(const ReadState&)>;

/// Reads all rows. Throws OptionError for a dialect that contradicts itself. With `known`, columns
/// are matched to that schema by name (by position when the file has no header): dictionaries,
/// fills and classes are taken from it and nothing is learned. Rows keep the order of the files and
/// of their lines. The earliest error is the one thrown: InputError with file, line, byte and
/// column, or OptionError for a column that is not there. TargetKind::automatic reads numbers when
/// every target in the file's first 256 KB is a number, classes otherwise; a single numeric target
/// with exactly two distinct values becomes classes.
[[nodiscard]] Dataset read_dataset(const ReadOptions& options, const ReadProgress& progress = {},
                                   const Schema* known = nullptr);

/// Where rows are kept while and after they are read.
struct RowStorage {
  std::int64_t memory_bytes = 0;  ///< most that rows may take in memory; 0: no limit
  std::string folder;      ///< where rows go that do not fit: unnamed files, gone when closed
  bool statistics = true;  ///< whether they are taken of features while reading
};

/// What read_rows gives.
struct ReadRows {
  std::shared_ptr<RowSource> rows;
  std::int64_t rows_rejected = 0;  ///< bad rows skipped, rows dropped for a missing value
  std::int64_t bytes_read = 0;     ///< of text, after decompression
  double read_seconds = 0.0;
};

/// As read_dataset, but all rows go to files when they do not fit in memory: the same values, read
/// back as they are needed. Throws InputError when the folder takes no file or its disk is full.
/// A single path that is a folder is opened as open_table does; options on columns are refused.
[[nodiscard]] ReadRows read_rows(const ReadOptions& options, const RowStorage& storage,
                                 const ReadProgress& progress = {}, const Schema* known = nullptr);

/// Appends to `text` what becomes of a few rows of features, (rows, d). Called by many threads.
using RowsToText = std::function<void(const FeatureMatrix& rows, std::string& text)>;

/// Takes text in the order of the rows, one call at a time. May throw to give up.
using TextSink = std::function<void(const std::string& text)>;

/// What stream_rows gives.
struct StreamedRows {
  std::int64_t rows = 0;
  std::int64_t bytes_read = 0;  ///< of the files, compressed or not
};

/// Rows for a known schema through `to_text` to `sink`, a few at a time in bounded memory, on
/// options.threads threads. Targets are not needed and not read. A single path that is a folder is
/// one that convert wrote. Before an error, the sink has the text of the blocks in front of it.
/// MissingPolicy::drop and BadRowPolicy::skip are OptionErrors: every row gives its text. Throws
/// InputError as read_rows does.
StreamedRows stream_rows(const ReadOptions& options, const Schema& schema,
                         const RowsToText& to_text, const TextSink& sink,
                         const ReadProgress& progress = {});

/// What `steepest inspect` says of a column.
struct ColumnSummary {
  std::string name;
  enum class Type { numeric, integer, text, empty } type = Type::empty;
  std::int64_t values = 0;  ///< present
  std::int64_t missing = 0;
  std::int64_t distinct = 0;        ///< exact up to `distinct_limit`, else that limit
  double mean = 0.0;                ///< numeric columns only
  double standard_deviation = 0.0;  ///< population
  double minimum = 0.0;
  double maximum = 0.0;
  std::vector<std::string> examples;  ///< first distinct texts, at most 5

  static constexpr std::int64_t distinct_limit = 1000;
};

/// A whole file looked at once, column by column.
struct FileSummary {
  Dialect dialect;
  std::int64_t rows = 0;
  std::int64_t rows_rejected = 0;  ///< rows with a wrong number of fields
  std::int64_t bytes_read = 0;
  std::vector<ColumnSummary> columns;
  std::vector<std::string> warnings;  ///< one sentence each
};

/// Reads everything and summarises it. Never fails on a cell; throws InputError as read_dataset
/// does for an unreadable, empty or binary file.
[[nodiscard]] FileSummary inspect(const ReadOptions& options, const ReadProgress& progress = {});

}  // namespace steepest
