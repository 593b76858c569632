// SPDX-License-Identifier: Apache-2.0
// Compressed files as the bytes they stand for: gzip and zstd, told by their first bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace steepest::data {

class Decompressor {
 public:
  /// Reads compressed bytes, at most `count`; 0 only at the end.
  using Read = std::function<std::int64_t(char* destination, std::int64_t count)>;

  virtual ~Decompressor() = default;

  /// Writes at most `count` bytes; 0 only at the end. Throws InputError when the data are damaged
  /// or end too early.
  virtual std::int64_t read(char* destination, std::int64_t count) = 0;

  /// The one for data that begin so; null when they are not compressed. `name` is for messages.
  /// Files of several members (gzip) or frames (zstd) are read to their end.
  [[nodiscard]] static std::unique_ptr<Decompressor> for_data(std::string_view first,
                                                              const std::string& name, Read read);

  /// First bytes that for_data needs to tell.
  static constexpr std::int64_t magic_bytes = 4;
};

}  // namespace steepest::data
