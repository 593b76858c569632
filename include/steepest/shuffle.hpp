// SPDX-License-Identifier: Apache-2.0
// The order rows are visited in: a seeded permutation computed element by element, without memory.
#pragma once

#include <cstdint>

#include "steepest/host_device.hpp"

namespace steepest {

/// Scrambles 64 bits, one to one (Stafford's variant 13 of the MurmurHash3 finaliser, as used by
/// SplitMix64: Steele, Lea, Flood, OOPSLA 2014).
STEEPEST_HD inline std::uint64_t scramble(std::uint64_t bits) {
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9ULL;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebULL;
  return bits ^ (bits >> 31);
}

/// A permutation of [0, rows) fixed by (seed, epoch): the same on every device and thread, and any
/// element can be asked for alone. A Feistel network over the next power of two, walked until it
/// lands in range (Black and Rogaway 2002, Ciphers with Arbitrary Finite Domains): fewer than two
/// rounds of the walk on average.
class RowOrder {
 public:
  /// rows >= 1.
  STEEPEST_HD RowOrder(std::int64_t rows, std::uint64_t seed, std::int64_t epoch)
      : rows_(static_cast<std::uint64_t>(rows)),
        key_(scramble(seed + 0x9e3779b97f4a7c15ULL * static_cast<std::uint64_t>(epoch + 1))) {
    while ((std::uint64_t{1} << bits_) < rows_) {
      ++bits_;
    }
  }

  /// The row visited at `position` in [0, rows).
  STEEPEST_HD std::int64_t operator()(std::int64_t position) const {
    std::uint64_t value = static_cast<std::uint64_t>(position);
    do {
      value = permute(value);
    } while (value >= rows_);
    return static_cast<std::int64_t>(value);
  }

  /// The position at which `row` in [0, rows) is visited.
  [[nodiscard]] STEEPEST_HD std::int64_t position_of(std::int64_t row) const {
    std::uint64_t value = static_cast<std::uint64_t>(row);
    do {
      value = permute_back(value);
    } while (value >= rows_);
    return static_cast<std::int64_t>(value);
  }

 private:
  static constexpr int rounds = 6;

  // One to one on `bits_` bits. Each round xors one part with a hash of the other.
  [[nodiscard]] STEEPEST_HD std::uint64_t permute(std::uint64_t value) const {
    const int low_bits = bits_ / 2;
    const int high_bits = bits_ - low_bits;
    const std::uint64_t low_mask = (std::uint64_t{1} << low_bits) - 1;
    const std::uint64_t high_mask = (std::uint64_t{1} << high_bits) - 1;
    std::uint64_t low = value & low_mask;
    std::uint64_t high = value >> low_bits;
    for (int round = 0; round < rounds; round += 2) {
      high ^= scramble(key_ + (low << 8) + static_cast<std::uint64_t>(round)) & high_mask;
      low ^= scramble(key_ + (high << 8) + static_cast<std::uint64_t>(round + 1)) & low_mask;
    }
    return (high << low_bits) | low;
  }

  // Undoes permute(): the same rounds, the last one first.
  [[nodiscard]] STEEPEST_HD std::uint64_t permute_back(std::uint64_t value) const {
    const int low_bits = bits_ / 2;
    const int high_bits = bits_ - low_bits;
    const std::uint64_t low_mask = (std::uint64_t{1} << low_bits) - 1;
    const std::uint64_t high_mask = (std::uint64_t{1} << high_bits) - 1;
    std::uint64_t low = value & low_mask;
    std::uint64_t high = value >> low_bits;
    for (int round = rounds - 2; round >= 0; round -= 2) {
      low ^= scramble(key_ + (high << 8) + static_cast<std::uint64_t>(round + 1)) & low_mask;
      high ^= scramble(key_ + (low << 8) + static_cast<std::uint64_t>(round)) & high_mask;
    }
    return (high << low_bits) | low;
  }

  std::uint64_t rows_;
  std::uint64_t key_;
  int bits_ = 1;
};

}  // namespace steepest
