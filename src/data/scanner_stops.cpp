// SPDX-License-Identifier: Apache-2.0
// A comment begins where a record does: behind LF as far as the index goes, since it leaves lone CR
// to the scanner; inside quotes a stop is not needed, and costs no more than time.
#include "src/data/scanner_stops.hpp"

#include <algorithm>

namespace steepest::data {

ScannerStops::ScannerStops(const Dialect& dialect)
    : comment_(dialect.comment),
      escape_(dialect.escape),
      anything_(comment_ != '\0' || escape_ != '\0') {}

void ScannerStops::begin(const char* text, std::uint32_t end) {
  text_ = {text, end};
  searched_ = false;
}

std::uint32_t ScannerStops::find(char wanted, std::uint32_t at) const {
  return static_cast<std::uint32_t>(
      wanted == '\0' ? text_.size() : std::min(text_.find(wanted, at), text_.size()));
}

std::uint32_t ScannerStops::search(std::uint32_t at) {
  if (text_[at] == comment_) {
    return at;
  }
  if (!searched_ || next_comment_ < at) {
    next_comment_ = find(comment_, at);
    while (next_comment_ < text_.size() && text_[next_comment_ - 1] != '\n') {
      next_comment_ = find(comment_, next_comment_ + 1);
    }
  }
  if (!searched_ || next_escape_ < at) {
    next_escape_ = find(escape_, at);
  }
  searched_ = true;
  return std::min(next_comment_, next_escape_);
}

}  // namespace steepest::data
