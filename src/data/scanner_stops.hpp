// SPDX-License-Identifier: Apache-2.0
// Where the row index must end: it knows neither comments nor escapes.
#pragma once

#include <cstdint>
#include <string_view>

#include "steepest/read.hpp"

namespace steepest::data {

/// Over one block of text. Each byte is searched once, and none where the dialect has neither.
class ScannerStops {
 public:
  explicit ScannerStops(const Dialect& dialect);

  /// Starts anew with text[0, end).
  void begin(const char* text, std::uint32_t end);

  /// The first byte at or behind `at`, where a record begins, that may be a comment's first one or
  /// an escape; the text's end when there is none. `at` only grows.
  [[nodiscard]] std::uint32_t next(std::uint32_t at) {
    return anything_ ? search(at) : static_cast<std::uint32_t>(text_.size());
  }

 private:
  [[nodiscard]] std::uint32_t search(std::uint32_t at);
  [[nodiscard]] std::uint32_t find(char wanted, std::uint32_t at) const;

  char comment_;
  char escape_;
  bool anything_;
  std::string_view text_;
  bool searched_ = false;
  std::uint32_t next_comment_ = 0;
  std::uint32_t next_escape_ = 0;
};

}  // namespace steepest::data
