// SPDX-License-Identifier: Apache-2.0
// Same scanner as the reader's, over memory.
#include "src/data/head_records.hpp"

namespace steepest::data {

bool HeadRecords::next() {
  for (;;) {
    if (scanner_.ended_with_return() && head_.starts_with('\n')) {
      head_.remove_prefix(1);
    }
    if (head_.empty()) {
      return false;
    }
    std::int64_t used = scanner_.scan(head_.data(), head_.size(), whole_);
    if (used < 0) {
      if (found_) {
        return false;
      }
      used = scanner_.scan(head_.data(), head_.size(), true);
    }
    head_.remove_prefix(static_cast<std::size_t>(used));
    if (!scanner_.record().is_blank()) {
      found_ = true;
      return true;
    }
  }
}

}  // namespace steepest::data
