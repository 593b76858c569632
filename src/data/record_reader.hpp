// SPDX-License-Identifier: Apache-2.0
// The records of one file, in bounded memory, each with its line number and byte offset.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "src/data/byte_source.hpp"
#include "src/data/reader_limits.hpp"
#include "src/data/record_scanner.hpp"
#include "steepest/error.hpp"

namespace steepest::data {

/// Where a record begins.
struct ReadPosition {
  std::int64_t byte = 0;
  std::int64_t line = 1;
  bool after_return = false;  ///< the record before ended with CR: a LF here belongs to it
};

/// Holds one block and the unfinished record in front of it; grows only for a longer record, up to
/// ReaderLimits::record_bytes. The fast reader parses ordinary rows elsewhere and pushes the rest,
/// so that lines, bytes and errors are counted and told here alone.
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

  /// Reads one more block of the head; false when there is none, or the head is as long as a record
  /// may be.
  bool grow_head();

  /// Leaves out the next lines, whatever they hold: a head as before begins behind them. False when
  /// the file ends with them, or before. Only before the first next().
  bool skip_lines(std::int64_t lines);

  /// The line on which the next record begins.
  [[nodiscard]] std::int64_t next_line() const { return next_line_; }

  void set_dialect(const Dialect& dialect) { scanner_ = RecordScanner(dialect); }

  /// Goes on to the next record that is neither blank nor a comment; false at the end of the file,
  /// or when the bytes pushed do not hold a whole record. Throws InputError for what makes the rest
  /// of the file unreadable: a quote never closed, a null byte, a record longer than the limit.
  bool next();

  [[nodiscard]] const Record& record() const { return scanner_.record(); }
  [[nodiscard]] std::int64_t line() const { return line_; }
  [[nodiscard]] std::int64_t byte() const { return byte_; }

  /// Line and byte of an offset into the current record.
  [[nodiscard]] Location locate(std::size_t offset) const;

  /// From now on bytes come by push() and not from the file: returns those read already that no
  /// record has used.
  [[nodiscard]] std::string begin_pushing();

  /// Where the first record begins that next() has not returned or passed over.
  [[nodiscard]] ReadPosition position() const { return {next_byte_, next_line_, after_return_}; }

  /// Right behind begin_pushing(), which gave `begun`: goes on at a record further on, and leaves
  /// in `begun` what it was given of the bytes from there on. Returns the byte of the file that the
  /// source reads next by offset; a compressed one is decompressed up to there.
  /// `passed` is called now and then meanwhile, and may throw to give up.
  [[nodiscard]] std::int64_t go_on_at(const ReadPosition& position, std::string& begun,
                                      const std::function<void()>& passed);

  /// Appends bytes. Throws InputError when the record under way is longer than the limit.
  void push(std::string_view bytes);

  /// No more bytes will be pushed.
  void close() { at_end_ = true; }

  /// Whether every byte pushed is part of a record that next() has returned or passed over.
  [[nodiscard]] bool between_records() const { return begin_ == end_ && !scanner_.under_way(); }

  /// Whole records that were read elsewhere. Only between records.
  void skip(std::int64_t bytes, std::int64_t lines);

  [[nodiscard]] ByteSource& source() { return source_; }
  [[nodiscard]] const ByteSource& source() const { return source_; }

  /// Bytes read from the file so far.
  [[nodiscard]] std::int64_t bytes_read() const { return bytes_read_; }

 private:
  void read_head();
  void move_to_front();
  void make_room();
  void refill();
  void read_block(std::int64_t bytes);
  [[noreturn]] void throw_too_long() const;
  void check_faults() const;

  enum class Step : std::uint8_t { record, end, starved };
  [[nodiscard]] Step step();

  ByteSource source_;
  ReaderLimits limits_;
  RecordScanner scanner_{Dialect{}};
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
  bool pushing_ = false;
  bool after_return_ = false;  // the last record ended with CR: a LF now belongs to it
};

}  // namespace steepest::data
