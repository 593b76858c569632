// SPDX-License-Identifier: Apache-2.0
// Columns: file,line,line_byte,byte,column,name,error,raw,message.
#include "src/data/rejects.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "src/model/part_name.hpp"
#include "steepest/error.hpp"

namespace steepest::data {
namespace {

// Always in quotes: raw lines hold anything.
std::string csv_text(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    result += c;
    if (c == '"') {
      result += c;
    }
  }
  result += '"';
  return result;
}

}  // namespace

Rejects::Rejects(std::string path) : path_(std::move(path)) {
  if (path_.empty()) {
    return;
  }
  remove_abandoned_parts(path_);
  partial_path_ = part_name(path_);
  stream_.open(partial_path_, std::ios::binary | std::ios::trunc);
  if (!stream_) {
    fail();
  }
  stream_ << "file,line,line_byte,byte,column,name,error,raw,message\n";
}

Rejects::~Rejects() {
  if (stream_.is_open()) {
    stream_.close();
    ::unlink(partial_path_.c_str());
  }
}

void Rejects::fail() const {
  throw OptionError(fmt::format("--rejects {}: cannot write it: {}", path_,
                                std::generic_category().message(errno)));
}

void Rejects::add(const RowProblem& problem, const RecordReader& reader, const ColumnNames& names) {
  if (!stream_.is_open()) {
    return;
  }
  const Location at = location_of(problem, reader, names);
  stream_ << fmt::format("{},{},{},{},{},{},{},{},{}\n", csv_text(at.file), at.line, reader.byte(),
                         at.byte, at.column > 0 ? std::to_string(at.column) : std::string(),
                         csv_text(at.column_name), name_of(problem.kind),
                         csv_text(reader.record().raw), csv_text(problem.sentence));
}

void Rejects::finish() {
  if (!stream_.is_open()) {
    return;
  }
  stream_.close();
  if (!stream_ || std::rename(partial_path_.c_str(), path_.c_str()) != 0) {
    const int code = errno;
    ::unlink(partial_path_.c_str());
    errno = code;
    fail();
  }
}

}  // namespace steepest::data
