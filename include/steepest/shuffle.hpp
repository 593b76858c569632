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

  /// Writes the rows visited at [position, position + count): a group at a time, and several groups
  /// side by side, faster than one by one.
  void rows_at(std::int64_t position, std::int64_t count, std::int64_t* rows) const {
    auto value = static_cast<std::uint64_t>(position);
    const std::uint64_t end = value + static_cast<std::uint64_t>(count);
    const std::uint64_t in_groups = groups_ * together_ < end ? groups_ * together_ : end;
    std::uint64_t place = value / together_;
    std::uint64_t within = value - place * together_;
    while (value < in_groups) {
      std::uint64_t groups[at_once];
      int known = 1;
      if (in_groups - value > (at_once - 1) * together_) {
        known = at_once;
        groups_at(place, groups);
      } else {
        groups[0] = group_at(place);
      }
      for (int g = 0; g < known; ++g, ++place, within = 0) {
        std::uint64_t row = groups[g] * together_ + within + first_;
        std::uint64_t size = together_ - within;
        size = size < in_groups - value ? size : in_groups - value;
        value += size;
        for (; size > 0; --size, ++row) {
          *rows++ = static_cast<std::int64_t>(row < rows_ ? row : row - rows_);
        }
      }
    }
    for (; value < end; ++value) {
      *rows++ = (*this)(static_cast<std::int64_t>(value));
    }
  }

 private:
  static constexpr int rounds = 6;
  static constexpr int at_once = 4;  // chains of multiplications that a processor works on together

  [[nodiscard]] STEEPEST_HD std::uint64_t group_at(std::uint64_t place) const {
    do {
      permute<1>(&place);
    } while (place >= groups_);
    return place;
  }

  // Those at `at_once` places from `place` on.
  void groups_at(std::uint64_t place, std::uint64_t* groups) const {
    for (std::uint64_t g = 0; g < at_once; ++g) {
      groups[g] = place + g;
    }
    permute<at_once>(groups);
    for (int g = 0; g < at_once; ++g) {
      if (groups[g] >= groups_) {
        groups[g] = group_at(groups[g]);
      }
    }
  }

  [[nodiscard]] STEEPEST_HD std::uint64_t place_of(std::uint64_t group) const {
    do {
      group = permute_back(group);
    } while (group >= groups_);
    return group;
  }

  // One to one on `bits_` bits, for each of `count` values. Each round xors one part with a hash of
  // the other.
  template <int count>
  STEEPEST_HD void permute(std::uint64_t* values) const {
    const int low_bits = bits_ / 2;
    const int high_bits = bits_ - low_bits;
    const std::uint64_t low_mask = (std::uint64_t{1} << low_bits) - 1;
    const std::uint64_t high_mask = (std::uint64_t{1} << high_bits) - 1;
    std::uint64_t low[count];
    std::uint64_t high[count];
    for (int v = 0; v < count; ++v) {
      low[v] = values[v] & low_mask;
      high[v] = values[v] >> low_bits;
    }
    for (int round = 0; round < rounds; round += 2) {
      for (int v = 0; v < count; ++v) {
        high[v] ^= scramble(key_ + (low[v] << 8) + static_cast<std::uint64_t>(round)) & high_mask;
      }
      for (int v = 0; v < count; ++v) {
        low[v] ^=
            scramble(key_ + (high[v] << 8) + static_cast<std::uint64_t>(round + 1)) & low_mask;
      }
    }
    for (int v = 0; v < count; ++v) {
      values[v] = (high[v] << low_bits) | low[v];
    }
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
