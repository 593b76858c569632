// SPDX-License-Identifier: Apache-2.0
// The whole records in the head of a file, for sniffing.
#pragma once

#include <string_view>

#include "src/data/record_scanner.hpp"

namespace steepest::data {

/// Walks the records of `head` (behind it a '\0' must be readable) that are neither blank nor
/// comments. A last record without line end counts when `whole` says that the head is the entire
/// file, or when it is the only one.
class HeadRecords {
 public:
  HeadRecords(std::string_view head, bool whole, const Dialect& dialect)
      : scanner_(dialect), begin_(head.data()), head_(head), whole_(whole) {}

  [[nodiscard]] bool next();
  [[nodiscard]] const Record& record() const { return scanner_.record(); }

  /// What stands in front of the record.
  [[nodiscard]] std::string_view before() const {
    return {begin_, static_cast<std::size_t>(record().raw.data() - begin_)};
  }

 private:
  RecordScanner scanner_;
  const char* begin_;
  std::string_view head_;
  bool whole_;
  bool found_ = false;
};

}  // namespace steepest::data
