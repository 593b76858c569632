// SPDX-License-Identifier: Apache-2.0
// How the reader works; tests vary it to walk every border between blocks, and every path.
#pragma once

#include <cstdint>

#include "src/data/simd_level.hpp"

namespace steepest::data {

struct ReaderLimits {
  std::int64_t block_bytes = std::int64_t{1} << 20;    ///< read from the file at once
  std::int64_t head_bytes = std::int64_t{1} << 18;     ///< looked at to sniff dialect and types
  std::int64_t record_bytes = std::int64_t{1} << 26;   ///< longest record: offsets are 32-bit
  std::int64_t stretch_bytes = std::int64_t{1} << 19;  ///< of a compressed file, for one thread
  std::int64_t ahead_bytes = std::int64_t{1} << 25;    ///< decompressed ahead, a thread
  SimdLevel simd = best_simd_level();
  bool scalar = false;  ///< record by record on one thread: what the fast path is held against
};

}  // namespace steepest::data
