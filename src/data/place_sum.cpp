// SPDX-License-Identifier: Apache-2.0
#include "src/data/place_sum.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <vector>

namespace steepest::data {
namespace {

constexpr std::int64_t word_bytes = 4;

// A word below, a place times an odd number with high bits above: no two of them are equal, but for
// places 2^62 apart. Then half of the finalizer of SplitMix64 (Steele, Lea, Flood 2014).
std::uint64_t scrambled(std::uint32_t word, std::uint64_t place) {
  constexpr std::uint64_t golden = 0x9e3779b97f4a7c15U;
  constexpr std::uint64_t multiplier = 0xbf58476d1ce4e5b9U;
  std::uint64_t mixed = (place * golden) ^ word;
  mixed = (mixed ^ (mixed >> 30U)) * multiplier;
  return mixed ^ (mixed >> 31U);
}

}  // namespace

void PlaceSum::add(const void* words, std::int64_t bytes, std::int64_t offset) {
  const auto* const from = static_cast<const std::byte*>(words);
  auto place = static_cast<std::uint64_t>(offset / word_bytes) + 1;
  std::uint64_t sum = 0;
  for (std::int64_t at = 0; at < bytes; at += word_bytes, ++place) {
    std::uint32_t word = 0;
    std::memcpy(&word, from + at, sizeof word);
    sum += scrambled(word, place);
  }
  value_.fetch_add(sum);
}

void PlaceSum::exchange_state(kernels::StateArchive& archive) {
  auto bits = std::bit_cast<std::int64_t>(value_.load());
  archive.exchange(bits);
  value_.store(std::bit_cast<std::uint64_t>(bits));
}

bool has_sum(const ElementFile& file, std::int64_t begin, std::int64_t bytes, const PlaceSum& sum) {
  constexpr std::int64_t most = std::int64_t{1} << 20;
  std::vector<std::byte> block;
  PlaceSum found;
  for (std::int64_t at = 0; at < bytes; at += most) {
    const std::int64_t count = std::min(most, bytes - at);
    block.resize(static_cast<std::size_t>(count));
    file.will_read(most, begin + at + count);
    file.read(block.data(), count, begin + at);
    found.add(block.data(), count, at);
  }
  return found.value() == sum.value();
}

}  // namespace steepest::data
