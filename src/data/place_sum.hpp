// SPDX-License-Identifier: Apache-2.0
// A checksum of a file that is written in pieces, in any order.
#pragma once

#include <atomic>
#include <cstdint>

#include "kernels/state_archive.hpp"
#include "src/data/element_file.hpp"

namespace steepest::data {

/// The sum, mod 2^64, of all words of 4 bytes, each scrambled together with its place: the same
/// whatever pieces they come in, and from whatever threads. A word that differs, is missing, or
/// stands elsewhere changes it, but by a chance of 2^-64. About a nanosecond a word.
class PlaceSum {
 public:
  /// Counts `bytes` bytes that stand `offset` bytes behind the first; both are multiples of 4. Each
  /// place counts once.
  void add(const void* words, std::int64_t bytes, std::int64_t offset);

  [[nodiscard]] std::uint64_t value() const { return value_.load(); }

  void clear() { value_.store(0); }

  void exchange_state(kernels::StateArchive& archive);

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Whether `bytes` bytes of a file, from `begin` on, have this sum: reads them once.
[[nodiscard]] bool has_sum(const ElementFile& file, std::int64_t begin, std::int64_t bytes,
                           const PlaceSum& sum);

}  // namespace steepest::data
