// SPDX-License-Identifier: Apache-2.0
// A line is left out unasked only when nothing but a comment can be meant by it.
#include "src/data/preamble.hpp"

#include <string>

#include "src/data/head_records.hpp"
#include "src/data/lines.hpp"

namespace steepest::data {
namespace {

std::int64_t fields_of(const Record& record) {
  return static_cast<std::int64_t>(record.fields.size());
}

// Whether the head's first line, or its first record where quotes hold line ends, has so many
// fields. A misplaced quote does not speak against it: to keep a line too many is an error somebody
// sees.
bool starts_with_fields(std::string_view head, bool whole, const Dialect& dialect,
                        std::int64_t fields) {
  const auto fits = [fields](HeadRecords records) {
    return records.next() && fields_of(records.record()) == fields;
  };
  const std::string line(head.substr(0, line_bytes(head)));  // a null byte behind it
  return fits({head, whole, dialect}) || fits({line, true, dialect});
}

}  // namespace

std::string_view behind_comments(std::string_view head, char comment) {
  std::string_view rest = head;
  while (!head.empty()) {
    const std::string_view line = head.substr(0, line_bytes(head));
    if (!line.starts_with(comment) && !trimmed(line).empty()) {
      break;
    }
    head = behind_line(head);
    rest = line.starts_with(comment) ? head : rest;
  }
  return rest;
}

std::int64_t leading_comments(std::string_view head, bool whole, const Dialect& dialect,
                              std::int64_t fields) {
  const std::string_view rest = behind_comments(head, usual_comment);
  std::int64_t lines = 0;
  std::int64_t comments = 0;  // up to the last one
  while (head.size() > rest.size()) {
    if (head.starts_with(usual_comment)) {
      if (starts_with_fields(head, whole, dialect, fields)) {
        break;
      }
      comments = lines + 1;
    }
    ++lines;
    head = behind_line(head);
  }
  return comments;
}

std::optional<std::int64_t> preamble_lines(std::string_view head, bool whole,
                                           const Dialect& dialect, std::int64_t fields) {
  HeadRecords records(head, whole, dialect);
  std::optional<std::int64_t> lines;
  std::int64_t table = 0;  // records of the table
  while (records.next()) {
    const std::int64_t found = fields_of(records.record());
    if (found == fields) {
      if (!lines) {
        lines = count_lines(records.before());
      }
      ++table;
    } else if (lines || (found > 1 && found > fields - 2)) {
      return std::nullopt;
    }
  }
  return table >= 2 && *lines > 0 ? lines : std::nullopt;
}

}  // namespace steepest::data
