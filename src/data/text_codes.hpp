// SPDX-License-Identifier: Apache-2.0
// The distinct texts one thread has met in one column.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace steepest::data {

/// An open hash table made for short texts that come again and again. Indexes count from 0 in the
/// order of insertion.
class TextCodes {
 public:
  TextCodes() : slots_(64) {}

  /// Index of the text, which is added when it is new. 16 bytes behind the text must be readable.
  std::int32_t index_of(std::string_view text);

  [[nodiscard]] std::int32_t size() const { return static_cast<std::int32_t>(texts_.size()); }
  [[nodiscard]] const std::string& text(std::int32_t index) const {
    return texts_[static_cast<std::size_t>(index)];
  }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    std::int32_t index = -1;
  };

  void grow();

  std::vector<Slot> slots_;  // a power of two, at most half full
  std::vector<std::string> texts_;
};

}  // namespace steepest::data
