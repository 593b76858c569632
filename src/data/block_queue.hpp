// SPDX-License-Identifier: Apache-2.0
// The bytes of a file as numbered blocks that threads take one by one.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "src/data/byte_source.hpp"
#include "src/data/frame_reader.hpp"
#include "src/data/reader_limits.hpp"
#include "src/data/row_index.hpp"

namespace steepest::data {

/// Bytes with what vector loops may read around them.
class Block {
 public:
  [[nodiscard]] const char* text() const { return bytes_.data() + text_padding; }
  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] std::string_view view() const { return {text(), size_}; }
  [[nodiscard]] std::int64_t number() const { return number_; }

 private:
  friend class BlockQueue;

  char* prepare(std::int64_t bytes);
  void finish(std::int64_t bytes);

  std::vector<char> bytes_;
  std::uint32_t size_ = 0;
  std::int64_t number_ = 0;
};

class BlockQueue {
 public:
  /// The first blocks are `begun`, bytes that were read already, if there are any; the source is
  /// read on from byte `offset`, which is where it stands. `threads` will take blocks. All blocks
  /// but the first and the last are of limits.block_bytes.
  BlockQueue(ByteSource& source, std::string begun, std::int64_t offset, const ReaderLimits& limits,
             int threads);

  /// Takes the next block; false when there are no more bytes. For any number of threads at once: a
  /// file is read, and decompressed, by all of them side by side. Throws as ByteSource.
  bool take(Block& block);

 private:
  void take_begun(Block& block);
  [[nodiscard]] std::int64_t take_decompressed(Block& block, std::unique_lock<std::mutex>& lock);
  std::int64_t fill(char* destination, std::int64_t offset);

  ByteSource& source_;
  std::string begun_;
  std::int64_t begun_taken_ = 0;
  std::int64_t offset_;
  std::int64_t block_bytes_;
  std::mutex mutex_;  // guards what follows, and a source that is not seekable
  std::int64_t next_number_ = 0;
  std::unique_ptr<FrameReader> frames_;  // of a compressed source
};

}  // namespace steepest::data
