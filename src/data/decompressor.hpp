// SPDX-License-Identifier: Apache-2.0
// Compressed files as the bytes they stand for: gzip and zstd, told by their first bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace steepest::data {

class Decompressor {
 public:
  /// Reads compressed bytes, at most `count`; 0 only at the end.
  using Read = std::function<std::int64_t(char* destination, std::int64_t count)>;

  virtual ~Decompressor() = default;

  /// Writes at most `count` bytes; 0 only at the end. Throws InputError when the data are damaged
  /// or end too early, behind the bytes that could be saved: which these are, and what the message
  /// says, depends on the file alone.
  std::int64_t read(char* destination, std::int64_t count);

  /// Bytes of the file used so far.
  [[nodiscard]] virtual std::int64_t file_position() const = 0;

  /// If a member or frame ends at this byte of the file, it is the last one read.
  void stop_at(std::int64_t file_position) { stop_ = file_position; }

  /// Another one for the same file, which `read` reads from byte `file_position` on. It says what
  /// this one would, if a member or frame ends there.
  [[nodiscard]] virtual std::unique_ptr<Decompressor> another(std::int64_t file_position,
                                                              Read read) const = 0;

  /// The one for data that begin so; null when they are not compressed. `name` is for messages.
  /// Files of several members (gzip) or frames (zstd) are read to their end.
  [[nodiscard]] static std::unique_ptr<Decompressor> for_data(std::string_view first,
                                                              const std::string& name, Read read);

  /// First bytes that for_data needs to tell.
  static constexpr std::int64_t magic_bytes = 4;

 protected:
  /// As read(), but what the caller of read() asks for has no part in it: `count` is always the
  /// same, and a member or frame begins at the front of `destination`.
  virtual std::int64_t decompress(char* destination, std::int64_t count) = 0;

  [[nodiscard]] bool stops_here() const { return file_position() == stop_; }

 private:
  std::vector<char> piece_;  // what decompress() gave last
  std::int64_t piece_at_ = 0;
  std::int64_t piece_size_ = 0;
  std::int64_t stop_ = -1;
};

}  // namespace steepest::data
