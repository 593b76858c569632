// SPDX-License-Identifier: Apache-2.0
// Hashes the first and the last eight bytes of short texts with one wide multiplication.
#include "src/data/text_codes.hpp"

#include <cstring>
#include <functional>

namespace steepest::data {
namespace {

std::uint64_t eight_bytes(const char* from) {
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, from, sizeof bytes);
  return bytes;
}

std::uint64_t hash_of(std::string_view text) {
  const std::size_t size = text.size();
  if (size > 16) {
    return std::hash<std::string_view>{}(text);
  }
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  if (size >= 8) {
    first = eight_bytes(text.data());
    last = eight_bytes(text.data() + size - 8);
  } else if (size > 0) {
    first = eight_bytes(text.data()) & ((std::uint64_t{1} << (8 * size)) - 1);
  }
  // Odd constants with mixed bits; any would do.
  std::uint64_t mixed = (first ^ 0x9E3779B97F4A7C15ULL) * 0xD6E8FEB86659FD93ULL;
  mixed ^= mixed >> 32;
  mixed = (mixed ^ last ^ (size << 56)) * 0xA0761D6478BD642FULL;
  return mixed ^ (mixed >> 29);
}

}  // namespace

std::int32_t TextCodes::index_of(std::string_view text) {
  const std::uint64_t hash = hash_of(text);
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (slots_[at].index >= 0) {
    if (slots_[at].hash == hash && texts_[static_cast<std::size_t>(slots_[at].index)] == text) {
      return slots_[at].index;
    }
    at = (at + 1) & mask;
  }
  const std::int32_t index = size();
  texts_.emplace_back(text);
  slots_[at] = {hash, index};
  if (2 * texts_.size() > slots_.size()) {
    grow();
  }
  return index;
}

void TextCodes::grow() {
  std::vector<Slot> larger(2 * slots_.size());
  const std::size_t mask = larger.size() - 1;
  for (const Slot& slot : slots_) {
    if (slot.index >= 0) {
      std::size_t at = slot.hash & mask;
      while (larger[at].index >= 0) {
        at = (at + 1) & mask;
      }
      larger[at] = slot;
    }
  }
  slots_ = std::move(larger);
}

}  // namespace steepest::data
