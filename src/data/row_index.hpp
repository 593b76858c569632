// SPDX-License-Identifier: Apache-2.0
// Where fields begin and end in a stretch of text that holds whole, ordinary rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace steepest::data {

/// Offsets into the text, filled by FieldKernels::index_rows. Fields of whole rows only.
class RowIndex {
 public:
  /// Makes room for a text of this many bytes; every byte may be a field.
  void reserve(std::size_t bytes) {
    const std::size_t entries = bytes + padding;
    if (entries > capacity_) {
      starts_.reset(new std::uint32_t[entries]);
      ends_.reset(new std::uint32_t[entries]);
      row_begins_.reset(new std::uint32_t[entries]);
      capacity_ = entries;
    }
  }

  /// First byte of field f, behind its quote if it has one.
  [[nodiscard]] std::uint32_t* starts() { return starts_.get(); }
  [[nodiscard]] const std::uint32_t* starts() const { return starts_.get(); }

  /// One behind the last byte of field f, before its quote if it has one.
  [[nodiscard]] std::uint32_t* ends() { return ends_.get(); }
  [[nodiscard]] const std::uint32_t* ends() const { return ends_.get(); }

  /// First byte of row r; row_begins()[rows] is where the row after the last one begins.
  [[nodiscard]] std::uint32_t* row_begins() { return row_begins_.get(); }
  [[nodiscard]] const std::uint32_t* row_begins() const { return row_begins_.get(); }

  std::int64_t rows = 0;
  bool has_quotes = false;  ///< some byte of these rows is a quote

  /// Entries a kernel may write, or read, beyond the last field.
  static constexpr std::size_t padding = 192;

 private:
  std::unique_ptr<std::uint32_t[]> starts_;
  std::unique_ptr<std::uint32_t[]> ends_;
  std::unique_ptr<std::uint32_t[]> row_begins_;
  std::size_t capacity_ = 0;
};

/// The text and the table's shape.
struct IndexTask {
  const char* text = nullptr;  ///< text_padding readable bytes before it and behind its end
  std::uint32_t begin = 0;     ///< a row begins here
  std::uint32_t end = 0;       ///< of the text
  std::uint32_t enough = 0;    ///< stop at the first row end behind this many bytes
  std::uint32_t columns = 0;   ///< fields a row has
  char delimiter = ',';        ///< not a quote, a line end or a null byte
  char quote = '"';            ///< '\0': none
};

inline constexpr std::size_t text_padding = 64;

}  // namespace steepest::data
