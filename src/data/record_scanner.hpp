// SPDX-License-Identifier: Apache-2.0
// The RFC 4180 state machine: finds the fields of one record, and can stop anywhere and go on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "steepest/read.hpp"

namespace steepest::data {

/// A field by its offsets from the record's first byte.
struct Field {
  enum class Form : std::uint8_t {
    plain,    ///< as it stands
    quoted,   ///< begin and end lie inside the quotes
    escaped,  ///< with quotes doubled or escaped: begin and end are offsets into Record::unescaped
  };

  std::uint32_t at = 0;  ///< the field's first byte, quote or blank included
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  Form form = Form::plain;
};

/// What is wrong with the quotes of a record.
enum class QuoteFault : std::uint8_t {
  none,
  inside_field,  ///< ab"c
  text_after,    ///< "ab"c
  never_closed,  ///< the input ended inside quotes
  null_byte,     ///< a byte 0: the file is not text
};

/// One record. Everything in it stays valid until the scanner goes on.
struct Record {
  std::string_view raw;  ///< its bytes, without the line's end
  std::vector<Field> fields;
  std::string unescaped;
  QuoteFault fault = QuoteFault::none;
  std::size_t fault_at = 0;  ///< offset of the faulty byte; of the opening quote if never closed
  bool has_quotes = false;
  bool is_comment = false;  ///< a line of comment: it has no fields

  /// Whether it is no record: a comment, or a line of blanks at most.
  [[nodiscard]] bool is_blank() const;

  /// The field's text, quotes removed, doubled quotes and escapes undone; blanks around it kept.
  [[nodiscard]] std::string_view text(std::size_t i) const {
    const Field& field = fields[i];
    const char* base = field.form == Field::Form::escaped ? unescaped.data() : raw.data();
    return {base + field.begin, field.end - field.begin};
  }

  /// The field's text with the blanks around an unquoted field removed.
  [[nodiscard]] std::string_view value(std::size_t i) const;
};

/// Spaces and tabs off both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);

/// Fields end at the delimiter; records at LF, CRLF or a lone CR outside quotes. Blanks (spaces)
/// around a quoted field are dropped. A faulty quote does not stop the scan: the record still ends
/// at its line's end, and says what is wrong with it. A line of comment counts as a record.
class RecordScanner {
 public:
  explicit RecordScanner(const Dialect& dialect);

  /// Looks for the end of the record that starts at data[0]; data[size] must be a readable '\0'.
  /// Returns the bytes of the record with its line end, or -1 when more bytes are needed: call
  /// again with the same bytes and more behind them (they may have moved). `last`: no more will
  /// come.
  std::int64_t scan(const char* data, std::size_t size, bool last);

  /// True between a call that returned -1 and the next, when the bytes ran out inside quotes.
  [[nodiscard]] bool inside_quotes() const {
    return state_ == State::quoted || state_ == State::escaping;
  }
  /// True between a call that returned -1 and the next.
  [[nodiscard]] bool under_way() const { return state_ != State::done; }
  [[nodiscard]] std::size_t opening_quote() const { return opening_quote_; }

  /// Whether the record ended with CR, so that a LF in front of the next one belongs to it.
  [[nodiscard]] bool ended_with_return() const { return ended_with_return_; }

  /// Record the last scan found.
  [[nodiscard]] const Record& record() const { return record_; }

 private:
  enum class State : std::uint8_t {
    plain,
    quoted,
    escaping,  // quoted, and behind an escape
    quote_seen,
    after_quotes,
    comment,
    done
  };

  void begin_record(char first);
  void finish_record(const char* data, std::size_t size);
  void add_field(std::size_t end, bool quoted_field);
  void set_fault(QuoteFault fault, std::size_t at);
  const char* scan_plain(const char* data, const char* p, const char* end);
  const char* scan_quoted(const char* data, const char* p, const char* end);
  const char* scan_escapes(const char* data, const char* p, const char* end);
  const char* scan_comment(const char* data, const char* p, const char* end);
  const char* scan_after_quotes(const char* data, const char* p, const char* end);
  const char* end_record(const char* data, const char* p);

  std::array<bool, 256> special_{};  // bytes a plain field does not run over
  char delimiter_;
  char quote_;    // '\0': none
  char escape_;   // '\0': none
  char comment_;  // '\0': none
  State state_ = State::done;
  Record record_;
  std::size_t position_ = 0;  // scanned so far
  std::size_t field_at_ = 0;
  std::size_t opening_quote_ = 0;
  std::size_t closing_quote_ = 0;
  std::size_t content_bytes_ = 0;  // bytes of the record without its line end
  bool has_escapes_ = false;       // or doubled quotes
  bool ended_with_return_ = false;
};

}  // namespace steepest::data
