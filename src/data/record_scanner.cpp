// SPDX-License-Identifier: Apache-2.0
// States as in RFC 4180, section 2. The hot loop is scan_plain: one table look-up a byte.
#include "src/data/record_scanner.hpp"

#include <cstring>

namespace steepest::data {

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    return text.substr(0, 0);
  }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string_view Record::value(std::size_t i) const {
  return fields[i].form == Field::Form::plain ? trimmed(text(i)) : text(i);
}

bool Record::is_blank() const {
  return is_comment || (fields.size() == 1 && fields[0].form == Field::Form::plain &&
                        fault == QuoteFault::none && trimmed(raw).empty());
}

RecordScanner::RecordScanner(const Dialect& dialect)
    : delimiter_(dialect.delimiter),
      quote_(dialect.quote),
      escape_(dialect.escape),
      comment_(dialect.comment) {
  for (const char c : {delimiter_, '\n', '\r', quote_, '\0'}) {
    special_[static_cast<unsigned char>(c)] = true;
  }
}

void RecordScanner::begin_record(char first) {
  record_.fields.clear();
  record_.unescaped.clear();
  record_.fault = QuoteFault::none;
  record_.fault_at = 0;
  record_.has_quotes = false;
  position_ = 0;
  field_at_ = 0;
  ended_with_return_ = false;
  record_.is_comment = first == comment_ && comment_ != '\0';
  state_ = record_.is_comment ? State::comment : State::plain;
}

void RecordScanner::set_fault(QuoteFault fault, std::size_t at) {
  if (record_.fault == QuoteFault::none) {
    record_.fault = fault;
    record_.fault_at = at;
  }
}

// The field up to offset `end`; what stands there begins no part of it.
inline void RecordScanner::add_field(std::size_t end, bool quoted_field) {
  const auto at = static_cast<std::uint32_t>(field_at_);
  if (quoted_field) {
    record_.fields.push_back({at, static_cast<std::uint32_t>(opening_quote_ + 1),
                              static_cast<std::uint32_t>(closing_quote_),
                              has_escapes_ ? Field::Form::escaped : Field::Form::quoted});
  } else {
    record_.fields.push_back({at, at, static_cast<std::uint32_t>(end), Field::Form::plain});
  }
  field_at_ = end + 1;
  state_ = State::plain;
}

// p stands on LF, CR or the end of the input, its last field added.
const char* RecordScanner::end_record(const char* data, const char* p) {
  content_bytes_ = static_cast<std::size_t>(p - data);
  state_ = State::done;
  ended_with_return_ = *p == '\r';
  return *p == '\0' ? p : p + 1;
}

const char* RecordScanner::scan_plain(const char* data, const char* p, const char* end) {
  for (;;) {
    while (!special_[static_cast<unsigned char>(*p)]) {
      ++p;
    }
    const auto at = static_cast<std::size_t>(p - data);
    if (*p == delimiter_) {
      add_field(at, false);
      ++p;
    } else if (*p == '\0') {
      if (p == end) {
        return p;
      }
      set_fault(QuoteFault::null_byte, at);
      ++p;
    } else if (*p == quote_) {
      record_.has_quotes = true;
      const std::string_view before(data + field_at_, at - field_at_);
      if (before.find_first_not_of(' ') == std::string_view::npos) {
        state_ = State::quoted;
        opening_quote_ = at;
        has_escapes_ = false;
        return p + 1;
      }
      set_fault(QuoteFault::inside_field, at);
      ++p;
    } else {
      add_field(at, false);
      return end_record(data, p);
    }
  }
}

const char* RecordScanner::scan_quoted(const char* data, const char* p, const char* end) {
  if (escape_ != '\0') {
    return scan_escapes(data, p, end);
  }
  const auto left = static_cast<std::size_t>(end - p);
  const void* quote = std::memchr(p, quote_, left);
  const char* stop = quote == nullptr ? end : static_cast<const char*>(quote);
  const void* null = std::memchr(p, '\0', static_cast<std::size_t>(stop - p));
  if (null != nullptr) {
    set_fault(QuoteFault::null_byte,
              static_cast<std::size_t>(static_cast<const char*>(null) - data));
  }
  if (quote == nullptr) {
    return end;
  }
  closing_quote_ = static_cast<std::size_t>(stop - data);
  state_ = State::quote_seen;
  return stop + 1;
}

// As scan_quoted, byte by byte: searching for the quote first would look at the same bytes again
// behind every escape.
const char* RecordScanner::scan_escapes(const char* data, const char* p, const char* end) {
  for (; p != end; ++p) {
    const auto at = static_cast<std::size_t>(p - data);
    if (*p == '\0') {
      set_fault(QuoteFault::null_byte, at);
    }
    if (state_ == State::escaping) {
      state_ = State::quoted;
    } else if (*p == escape_) {
      has_escapes_ = true;
      state_ = State::escaping;
    } else if (*p == quote_) {
      closing_quote_ = at;
      state_ = State::quote_seen;
      return p + 1;
    }
  }
  return end;
}

const char* RecordScanner::scan_comment(const char* data, const char* p, const char* end) {
  for (; p != end; ++p) {
    if (*p == '\n' || *p == '\r') {
      return end_record(data, p);
    }
    if (*p == '\0') {
      set_fault(QuoteFault::null_byte, static_cast<std::size_t>(p - data));
    }
  }
  return end;
}

// Behind a closing quote: a second quote (doubled), blanks, or the field's end.
const char* RecordScanner::scan_after_quotes(const char* data, const char* p, const char* end) {
  if (*p == quote_ && state_ == State::quote_seen) {
    has_escapes_ = true;
    state_ = State::quoted;
    return p + 1;
  }
  state_ = State::after_quotes;
  while (*p == ' ' && *p != delimiter_) {
    ++p;
  }
  if (p == end) {
    return p;
  }
  const auto at = static_cast<std::size_t>(p - data);
  if (*p == delimiter_) {
    add_field(at, true);
    return p + 1;
  }
  if (*p == '\n' || *p == '\r') {
    add_field(at, true);
    return end_record(data, p);
  }
  set_fault(*p == '\0' ? QuoteFault::null_byte : QuoteFault::text_after, at);
  state_ = State::plain;
  return p + 1;
}

void RecordScanner::finish_record(const char* data, std::size_t size) {
  record_.raw = {data, content_bytes_ < size ? content_bytes_ : size};
  for (Field& field : record_.fields) {
    if (field.form != Field::Form::escaped) {
      continue;
    }
    const std::size_t begin = record_.unescaped.size();
    for (std::size_t i = field.begin; i < field.end; ++i) {
      const bool escape = data[i] == escape_ && escape_ != '\0' && i + 1 < field.end;
      i += escape ? 1 : 0;
      record_.unescaped += data[i];
      i += data[i] == quote_ && !escape ? 1 : 0;  // the second of two
    }
    field.begin = static_cast<std::uint32_t>(begin);
    field.end = static_cast<std::uint32_t>(record_.unescaped.size());
  }
}

std::int64_t RecordScanner::scan(const char* data, std::size_t size, bool last) {
  if (state_ == State::done) {
    begin_record(*data);
  }
  const char* const end = data + size;
  const char* p = data + position_;
  while (p != end && state_ != State::done) {
    switch (state_) {
      case State::plain:
        p = scan_plain(data, p, end);
        break;
      case State::quoted:
      case State::escaping:
        p = scan_quoted(data, p, end);
        break;
      case State::comment:
        p = scan_comment(data, p, end);
        break;
      case State::quote_seen:
      case State::after_quotes:
        p = scan_after_quotes(data, p, end);
        break;
      case State::done:
        break;
    }
  }
  if (state_ != State::done) {
    if (!last) {
      position_ = size;
      return -1;
    }
    if (inside_quotes()) {
      set_fault(QuoteFault::never_closed, opening_quote_);
      closing_quote_ = size;
    }
    if (state_ != State::comment) {
      add_field(size, state_ != State::plain);
    }
    end_record(data, end);
  }
  finish_record(data, size);
  return p - data;
}

}  // namespace steepest::data
