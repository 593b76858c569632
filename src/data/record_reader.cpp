// SPDX-License-Identifier: Apache-2.0
// Moves the unfinished record to the front of the buffer, reads behind it, and scans on.
#include "src/data/record_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "src/data/excerpt.hpp"
#include "src/data/lines.hpp"
#include "src/data/text_check.hpp"

namespace steepest::data {
namespace {

constexpr std::int64_t head_lines = 3;  // header, a row, and proof that the row is whole

}  // namespace

RecordReader::RecordReader(const std::string& path, const ReaderLimits& limits)
    : source_(path), limits_(limits) {
  read_head();
  check_text_file(head(), name());
  if (head().substr(0, 3) == "\xEF\xBB\xBF") {
    byte_order_mark_ = true;
    begin_ = 3;
    next_byte_ = 3;
    if (at_end_ && end_ == begin_) {
      throw InputError(Location{name()}, "the file is empty");
    }
  }
}

std::string_view RecordReader::head() const {
  return {buffer_.data() + begin_, static_cast<std::size_t>(end_ - begin_)};
}

void RecordReader::read_block(std::int64_t bytes) {
  if (static_cast<std::int64_t>(buffer_.size()) < end_ + bytes + 1) {
    buffer_.resize(static_cast<std::size_t>(end_ + bytes + 1));
  }
  const std::int64_t got = source_.read(buffer_.data() + end_, bytes);
  at_end_ = got == 0;
  end_ += got;
  bytes_read_ += got;
  buffer_[static_cast<std::size_t>(end_)] = '\0';
}

void RecordReader::read_head() {
  std::int64_t lines = count_lines(head());
  const std::int64_t least = std::max<std::int64_t>(limits_.head_bytes, 4);
  const auto held = [this] { return end_ - begin_; };
  while (!at_end_ && (held() < least || (lines < head_lines && held() < limits_.record_bytes))) {
    const std::int64_t before = end_;
    read_block(std::min(limits_.block_bytes, least));
    lines += count_lines({buffer_.data() + before, static_cast<std::size_t>(end_ - before)});
  }
}

bool RecordReader::grow_head() {
  if (at_end_ || end_ - begin_ >= limits_.record_bytes) {
    return false;
  }
  read_block(limits_.block_bytes);
  return true;
}

bool RecordReader::skip_lines(std::int64_t lines) {
  const auto drop = [this](std::size_t bytes) {
    begin_ += static_cast<std::int64_t>(bytes);
    next_byte_ += static_cast<std::int64_t>(bytes);
  };
  if (lines == 0) {
    return begin_ < end_;
  }
  for (; lines > 0; --lines) {
    drop(line_bytes(head()));
    while (begin_ == end_ && !at_end_) {
      refill();
      drop(line_bytes(head()));
    }
    if (begin_ == end_) {
      break;
    }
    if (head() == "\r" && !at_end_) {
      refill();  // whether a LF follows
    }
    drop(head().size() - behind_line(head()).size());
    ++next_line_;
  }
  move_to_front();
  read_head();
  return begin_ < end_;
}

void RecordReader::move_to_front() {
  if (begin_ > 0) {
    const std::int64_t held = end_ - begin_;
    std::memmove(buffer_.data(), buffer_.data() + begin_, static_cast<std::size_t>(held));
    begin_ = 0;
    end_ = held;
    buffer_[static_cast<std::size_t>(end_)] = '\0';
  }
}

// The unfinished record to the front.
void RecordReader::make_room() {
  if (end_ - begin_ > limits_.record_bytes) {
    throw_too_long();
  }
  move_to_front();
}

void RecordReader::refill() {
  make_room();
  read_block(limits_.block_bytes);
}

void RecordReader::throw_too_long() const {
  Location location{name(), next_line_, next_byte_};
  std::string hint = " Fixes: --delimiter, or line ends that are LF or CRLF";
  if (scanner_.inside_quotes()) {
    const std::string_view before(buffer_.data() + begin_, scanner_.opening_quote());
    hint =
        fmt::format(" A quote opened at line {} is not closed", next_line_ + count_lines(before));
  }
  throw InputError(location, fmt::format("this record is longer than {} bytes.{}",
                                         grouped(limits_.record_bytes), hint));
}

std::string RecordReader::begin_pushing() {
  pushing_ = true;
  at_end_ = false;
  std::string rest(head());
  bytes_read_ -= end_ - begin_;
  begin_ = 0;
  end_ = 0;
  return rest;
}

std::int64_t RecordReader::go_on_at(const ReadPosition& position, std::string& begun,
                                    const std::function<void()>& passed) {
  const auto held = static_cast<std::int64_t>(begun.size());
  std::int64_t offset = bytes_read_ + held;
  const std::int64_t ahead = position.byte - bytes_read_;
  if (ahead < held) {
    begun.erase(0, static_cast<std::size_t>(ahead));
  } else {
    begun.clear();
    std::vector<char> lost(source_.compressed() ? static_cast<std::size_t>(limits_.block_bytes)
                                                : 0);
    while (offset < position.byte && source_.compressed()) {
      const auto wanted = std::min(position.byte - offset, static_cast<std::int64_t>(lost.size()));
      const std::int64_t got = source_.read(lost.data(), wanted);
      if (got == 0) {
        throw InputError(Location{name()},
                         fmt::format("ends before byte {}, where an earlier run has read it to",
                                     grouped(position.byte)));
      }
      offset += got;
      passed();
    }
    offset = position.byte;
  }
  bytes_read_ = position.byte;
  next_byte_ = position.byte;
  next_line_ = position.line;
  after_return_ = position.after_return;
  return offset;
}

void RecordReader::push(std::string_view bytes) {
  make_room();
  const auto count = static_cast<std::int64_t>(bytes.size());
  if (static_cast<std::int64_t>(buffer_.size()) < end_ + count + 1) {
    buffer_.resize(static_cast<std::size_t>(end_ + count + 1));
  }
  std::memcpy(buffer_.data() + end_, bytes.data(), bytes.size());
  end_ += count;
  bytes_read_ += count;
  buffer_[static_cast<std::size_t>(end_)] = '\0';
}

void RecordReader::skip(std::int64_t bytes, std::int64_t lines) {
  after_return_ = false;
  next_byte_ += bytes;
  next_line_ += lines;
  bytes_read_ += bytes;
}

// One record, blank or not.
RecordReader::Step RecordReader::step() {
  if (after_return_) {
    if (begin_ == end_ && !at_end_) {
      if (pushing_) {
        return Step::starved;
      }
      refill();
    }
    after_return_ = false;
    if (begin_ < end_ && buffer_[static_cast<std::size_t>(begin_)] == '\n') {
      ++begin_;
      ++next_byte_;
    }
  }
  for (;;) {
    if (begin_ == end_ && at_end_) {
      return Step::end;
    }
    if (begin_ == end_) {
      if (pushing_) {
        return Step::starved;
      }
      refill();
      continue;
    }
    const std::int64_t used =
        scanner_.scan(buffer_.data() + begin_, static_cast<std::size_t>(end_ - begin_), at_end_);
    if (used >= 0) {
      begin_ += used;
      byte_ = next_byte_;
      next_byte_ += used;
      line_ = next_line_;
      after_return_ = scanner_.ended_with_return();
      next_line_ += 1 + (record().has_quotes ? count_lines(record().raw) : 0);
      return Step::record;
    }
    if (pushing_) {
      return Step::starved;
    }
    refill();
  }
}

void RecordReader::check_faults() const {
  const Record& found = record();
  if (found.fault == QuoteFault::never_closed) {
    const Location location = locate(found.fault_at);
    throw InputError(location,
                     fmt::format("the quote opened at line {} is never closed. Line: {} Fixes: "
                                 "close it, or write a quote inside a quoted field twice (\"\"); "
                                 "--quote none if quotes are part of the text",
                                 location.line, excerpt(found.raw, found.fault_at)));
  }
  if (found.fault == QuoteFault::null_byte) {
    throw InputError(locate(found.fault_at), "holds a null byte: this is not a text file");
  }
}

bool RecordReader::next() {
  while (step() == Step::record) {
    if (record().fault != QuoteFault::none) {
      check_faults();
    }
    if (!record().is_blank()) {
      return true;
    }
  }
  return false;
}

Location RecordReader::locate(std::size_t offset) const {
  const std::string_view before = record().raw.substr(0, offset);
  return {name(),
          line_ + (record().has_quotes ? count_lines(before) : 0),
          byte_ + static_cast<std::int64_t>(offset),
          0,
          {}};
}

}  // namespace steepest::data
