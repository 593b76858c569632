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
///
/// With `together` above 1, so many neighbours in the file are visited one after the other, and
/// only such groups are shuffled; where groups begin changes with the epoch. Fewer than `together`
/// rows, others each time, are left over and come last.
class RowOrder {
 public:
  /// rows >= 1, together >= 1.
  STEEPEST_HD RowOrder(std::int64_t rows, std::uint64_t seed, std::int64_t epoch,
                       std::int64_t together = 1)
      : rows_(static_cast<std::uint64_t>(rows)),
        together_(static_cast<std::uint64_t>(together)),
        groups_(rows_ / together_),
        key_(scramble(seed + 0x9e3779b97f4a7c15ULL * static_cast<std::uint64_t>(epoch + 1))) {
    while ((std::uint64_t{1} << bits_) < groups_) {
      ++bits_;
    }
    if (together_ > 1) {
      first_ = scramble(key_) % rows_;
    }
  }

  /// The row visited at `position` in [0, rows).
  STEEPEST_HD std::int64_t operator()(std::int64_t position) const {
    std::uint64_t value = static_cast<std::uint64_t>(position);
    if (together_ == 1) {
      return static_cast<std::int64_t>(group_at(value));
    }
    if (value < groups_ * together_) {
      value = group_at(value / together_) * together_ + value % together_;
    }
    value += first_;
    return static_cast<std::int64_t>(value < rows_ ? value : value - rows_);
  }

  /// The position at which `row` in [0, rows) is visited.
  [[nodiscard]] STEEPEST_HD std::int64_t position_of(std::int64_t row) const {
    std::uint64_t value = static_cast<std::uint64_t>(row);
    if (together_ == 1) {
      return static_cast<std::int64_t>(place_of(value));
    }
    value = value < first_ ? value + rows_ - first_ : value - first_;
    if (value < groups_ * together_) {
      value = place_of(value / together_) * together_ + value % together_;
    }
    return static_cast<std::int64_t>(value);
  }

  /// Writes the rows visited at [position, position + count): a group at a time, faster than one by
  /// one.
  void rows_at(std::int64_t position, std::int64_t count, std::int64_t* rows) const {
    const std::int64_t* const end = rows + count;
    while (rows != end) {
      std::int64_t row = (*this)(position);
      const auto within =
          static_cast<std::int64_t>(static_cast<std::uint64_t>(position) % together_);
      std::int64_t size = static_cast<std::int64_t>(together_) - within;
      size = size < end - rows ? size : end - rows;
      position += size;
      for (std::int64_t i = 0; i < size; ++i) {
        *rows++ = row++;
        row = row < static_cast<std::int64_t>(rows_) ? row : 0;
      }
    }
  }

 private:
  static constexpr int rounds = 6;

  [[nodiscard]] STEEPEST_HD std::uint64_t group_at(std::uint64_t place) const {
    do {
      place = permute(place);
    } while (place >= groups_);
    return place;
  }

  [[nodiscard]] STEEPEST_HD std::uint64_t place_of(std::uint64_t group) const {
    do {
      group = permute_back(group);
    } while (group >= groups_);
    return group;
  }

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
  std::uint64_t together_;
  std::uint64_t groups_;
  std::uint64_t key_;
  std::uint64_t first_ = 0;  // where the first group begins
  int bits_ = 1;
};

}  // namespace steepest
