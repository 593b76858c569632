// SPDX-License-Identifier: Apache-2.0
// From text to a folder of NumPy arrays, in as many starts as it takes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "steepest/checkpoint.hpp"
#include "steepest/dataset.hpp"
#include "steepest/read.hpp"
#include "steepest/table_folder.hpp"

namespace steepest {

/// What a conversion has done.
struct Conversion {
  Schema schema;
  std::int64_t rows = 0;
  std::int64_t outputs = 0;  ///< target columns, or classes
  bool has_weights = false;
  std::int64_t rows_rejected = 0;
  std::int64_t bytes_read = 0;  ///< of text, after decompression, in all starts
  double read_seconds = 0.0;    ///< of this start
  double write_seconds = 0.0;
  std::string resumed_from;           ///< a checkpoint; empty: it began anew
  std::vector<std::string> warnings;  ///< one sentence each
};

/// What is to be told of a conversion that an exception ended.
struct CutConversion {
  std::vector<std::string> warnings;  ///< one sentence each

  /// Set where no checkpoint is there to go on from: why the last one could not be written, empty
  /// where none was due.
  std::optional<std::string> unsaved;
};

/// Reads as read_rows and writes as write_table: the same bytes however often it was stopped.
///
/// With a folder for checkpoints the rows read so far lie there, in files, whatever the storage's
/// memory, as many bytes as arrays of them. A checkpoint says how many of them count, where in the
/// input the next one begins, and which texts have which numbers. One is saved when it is due, in
/// steps of 1 MiB of text or 4 MiB of features written; when `reading` or `writing` gives up by an
/// exception, which then goes on to the caller; and when all rows have been read. A compressed file
/// is decompressed from its start, without parsing, to where it goes on. When the arrays stand in
/// their place, checkpoints and rows are removed.
///
/// What was kept has checksums, and is read once when a conversion goes on: rows that are not as
/// they were written are an InputError; arrays that are not are written from their beginning, with
/// a warning. `cut` is filled where the conversion ends by an exception.
///
/// Throws InputError and OptionError as its parts do; OptionError for checkpoints every so many
/// steps, of standard input, of what is no regular file, or of a folder; InputError for
/// checkpoints of another input: one of another size or time of change, too.
[[nodiscard]] Conversion convert(const ReadOptions& options, const RowStorage& storage,
                                 const std::string& folder, const CheckpointOptions& checkpoint,
                                 const ReadProgress& reading = {},
                                 const WriteProgress& writing = {}, CutConversion* cut = nullptr);

}  // namespace steepest
