// SPDX-License-Identifier: Apache-2.0
// Where the members of a gzip file and the frames of a zstd file end, told by their headers alone.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "src/data/byte_source.hpp"

namespace steepest::data {

/// What it says is a guess until a decompressor ends at the same byte: headers may lie.
class FrameFinder {
 public:
  explicit FrameFinder(const ByteSource& source) : source_(source) {}

  /// The byte behind the member or frame that begins at `offset`. Nothing where no header gives its
  /// size (gzip without the extra field of BGZF, the end of the file), and for frames so large that
  /// one must not be decompressed ahead: longest_frame, largest_window.
  [[nodiscard]] std::optional<std::int64_t> end_of_frame(std::int64_t offset);

  static constexpr std::int64_t longest_frame = std::int64_t{1} << 26;   ///< compressed bytes
  static constexpr std::int64_t largest_window = std::int64_t{1} << 25;  ///< of pzstd's: 2^23

 private:
  [[nodiscard]] std::optional<std::int64_t> end_of_member(std::int64_t offset);
  [[nodiscard]] std::optional<std::int64_t> end_of_zstd_frame(std::int64_t offset);
  [[nodiscard]] std::optional<std::int64_t> number(std::int64_t offset, int bytes);

  const ByteSource& source_;
  std::vector<char> page_;  // of the file, from page_begin_ on
  std::int64_t page_begin_ = 0;
};

}  // namespace steepest::data
