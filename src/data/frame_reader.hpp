// SPDX-License-Identifier: Apache-2.0
// A compressed file, decompressed by all threads that read it, in its order.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <vector>

#include "src/data/byte_source.hpp"
#include "src/data/frame_finder.hpp"
#include "src/data/reader_limits.hpp"

namespace steepest::data {

/// Cuts the file into stretches of whole members or frames. A thread that wants bytes which are not
/// there yet decompresses some of the first stretch on which no other thread is at work, so one
/// thread never runs ahead. A file that cannot be cut, or standard input, is one stretch.
///
/// A cut is guessed from the headers, and proven when the decompressor of the stretch before ends
/// at the same byte. Where it does not, that decompressor goes on to the end of the file. So the
/// bytes, and the error, are always those of one decompressor that reads the file from its start.
///
/// Memory: limits.ahead_bytes a thread, and what a decompressor needs, FrameFinder::largest_window.
class FrameReader {
 public:
  /// Goes on where source.read() stopped, which must not be called any more.
  FrameReader(ByteSource& source, const ReaderLimits& limits, int threads);

  /// Waits until take() can give `count` bytes, or all that are left. The lock, which is the one
  /// that every call is made under, is let go meanwhile; all of this is for many threads at once.
  void make_ready(std::unique_lock<std::mutex>& lock, std::int64_t count);

  /// At most `count` bytes; fewer only at the end, or where the file is damaged. Throws what the
  /// decompressor threw, behind the bytes before that. Only after make_ready().
  std::int64_t take(char* destination, std::int64_t count);

  /// Stretches begun so far.
  [[nodiscard]] std::int64_t stretches() const { return begun_; }

 private:
  struct Chunk {
    std::vector<char> bytes;
    std::int64_t file_position = 0;  // behind it
  };

  struct Stretch {
    Decompressor* decompressor = nullptr;
    std::unique_ptr<Decompressor> owned;
    std::int64_t end = -1;  // a guess; -1: that of the file
    std::deque<Chunk> chunks;
    std::int64_t taken = 0;  // of the first chunk
    std::int64_t held = 0;   // bytes in the chunks that were not taken
    bool busy = false;       // a thread is at work on it
    bool ended = false;
    bool dropped = false;      // it was cut wrongly
    std::exception_ptr error;  // behind the chunks; it has ended, too
  };

  [[nodiscard]] bool is_ready(std::int64_t count) const;
  [[nodiscard]] std::shared_ptr<Stretch> claim();
  void decompress(Stretch& stretch, std::unique_lock<std::mutex>& lock);
  void add(const std::shared_ptr<Stretch>& stretch);
  [[nodiscard]] std::int64_t end_of_stretch(std::int64_t begin, std::int64_t least);

  ByteSource& source_;
  FrameFinder finder_;
  std::int64_t chunk_bytes_;
  std::int64_t stretch_bytes_;
  std::int64_t ahead_bytes_;  // in all stretches together
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Stretch>> stretches_;  // in order; shared with threads at work on them
  std::int64_t next_begin_ = 0;                     // of the next stretch; -1: there is none
  std::int64_t held_ = 0;                           // in all stretches
  std::int64_t begun_ = 0;
};

}  // namespace steepest::data
