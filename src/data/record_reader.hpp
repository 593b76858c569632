// SPDX-License-Identifier: Apache-2.0
// The records of one file, in bounded memory, each with its line number and byte offset.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/data/byte_source.hpp"
#include "src/data/reader_limits.hpp"
#include "src/data/record_scanner.hpp"
#include "steepest/error.hpp"

namespace steepest::data {

/// Holds one block and the unfinished record in front of it; grows only for a longer record, up to
/// ReaderLimits::record_bytes.
class RecordReader {
 public:
  /// Opens the file and reads its head. Throws InputError: cannot be opened, empty, compressed,
  /// UTF-16, binary.
  RecordReader(const std::string& path, const ReaderLimits& limits);

  [[nodiscard]] const std::string& name() const { return source_.name(); }
  [[nodiscard]] bool byte_order_mark() const { return byte_order_mark_; }

  /// The file's first bytes behind the byte order mark: at least head_bytes and a few whole lines,
  /// or all there is. Valid until the first next().
  [[nodiscard]] std::string_view head() const;
  [[nodiscard]] bool head_is_all() const { return at_end_; }

  void set_delimiter(char delimiter) { scanner_ = RecordScanner(delimiter); }

  /// Goes on to the next record that is not blank; false at the end of the file. Throws InputError
  /// for what makes the rest of the file unreadable: a quote never closed, a null byte, a record
  /// longer than the limit.
  bool next();

  [[nodiscard]] const Record& record() const { return scanner_.record(); }
  [[nodiscard]] std::int64_t line() const { return line_; }
  [[nodiscard]] std::int64_t byte() const { return byte_; }

  /// Line and byte of an offset into the current record.
  [[nodiscard]] Location locate(std::size_t offset) const;

  /// Bytes read from the file so far.
  [[nodiscard]] std::int64_t bytes_read() const { return bytes_read_; }

 private:
  void read_head();
  void refill();
  void read_block(std::int64_t bytes);
  [[noreturn]] void throw_too_long() const;
  void check_faults() const;
  [[nodiscard]] bool is_blank() const;
  [[nodiscard]] bool step();

  ByteSource source_;
  ReaderLimits limits_;
  RecordScanner scanner_{','};
  std::vector<char> buffer_;  // begin_..end_ is unread; buffer_[end_] is '\0'
  std::int64_t begin_ = 0;
  std::int64_t end_ = 0;
  std::int64_t bytes_read_ = 0;
  std::int64_t byte_ = 0;  // offset in the file of the current record
  std::int64_t next_byte_ = 0;
  std::int64_t line_ = 0;
  std::int64_t next_line_ = 1;
  bool at_end_ = false;
  bool byte_order_mark_ = false;
};

}  // namespace steepest::data
