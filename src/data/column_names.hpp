// SPDX-License-Identifier: Apache-2.0
// The names of a file's columns, and finding a column by what the user calls it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "src/data/missing_texts.hpp"
#include "src/data/record_reader.hpp"

namespace steepest::data {

class ColumnNames {
 public:
  /// x1, x2, ...: the names of a file without header.
  ColumnNames(std::string file, std::int64_t columns);

  /// The reader's current record is the header. An empty name becomes x<number>. Throws InputError
  /// for a name that comes twice, or is not UTF-8.
  explicit ColumnNames(const RecordReader& header);

  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(names_.size()); }
  [[nodiscard]] const std::vector<std::string>& all() const { return names_; }
  [[nodiscard]] const std::string& operator[](std::int64_t column) const {
    return names_[static_cast<std::size_t>(column)];
  }
  [[nodiscard]] const std::string& file() const { return file_; }

  /// Column of this name, or -1.
  [[nodiscard]] std::int64_t find(std::string_view name) const;

  /// A name, or else a number: from 1, or from the end by -1, -2, ... Throws InputError that lists
  /// the columns; `option` (as --target) is who asks.
  [[nodiscard]] std::int64_t resolve(const std::string& text, std::string_view option) const;

  /// `The columns are "a", "b"`, with the nearest one to a misspelt `wanted` in front.
  [[nodiscard]] std::string suggestion(std::string_view wanted) const;

  /// Lines in front of the header may be why a column is not found: the option that leaves them out
  /// is put behind messages.
  void set_preamble_fix(std::string fix) { preamble_fix_ = std::move(fix); }

 private:
  std::string file_;
  bool has_header_ = false;
  std::string preamble_fix_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::int64_t, TextHash, std::equal_to<>> index_;
};

/// Names of the header that is the reader's current record, empty ones as x<number>.
[[nodiscard]] std::vector<std::string> header_names(const Record& record);

}  // namespace steepest::data
