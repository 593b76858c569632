// SPDX-License-Identifier: Apache-2.0
// Sizes the reader works with; tests shrink them to walk every block border.
#pragma once

#include <cstdint>

namespace steepest::data {

struct ReaderLimits {
  std::int64_t block_bytes = std::int64_t{1} << 20;   ///< read from the file at once
  std::int64_t head_bytes = std::int64_t{1} << 20;    ///< looked at to sniff dialect and types
  std::int64_t record_bytes = std::int64_t{1} << 26;  ///< longest record: offsets are 32-bit
};

}  // namespace steepest::data
