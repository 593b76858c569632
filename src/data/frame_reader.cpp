// SPDX-License-Identifier: Apache-2.0
// No thread is ever idle while there is a stretch to work on and room for its bytes; the first
// stretch that has not ended may always go on, so the threads cannot wait for each other.
#include "src/data/frame_reader.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

namespace steepest::data {

FrameReader::FrameReader(ByteSource& source, const ReaderLimits& limits, int threads)
    : source_(source),
      finder_(source),
      chunk_bytes_(limits.block_bytes),
      stretch_bytes_(limits.stretch_bytes),
      ahead_bytes_(limits.ahead_bytes * threads) {
  const auto first = std::make_shared<Stretch>();
  first->decompressor = &source.decompressor();
  first->end = source.seekable() ? end_of_stretch(0, first->decompressor->file_position()) : -1;
  add(first);
}

// -1 when it is not known. At least so many bytes long, and a frame.
std::int64_t FrameReader::end_of_stretch(std::int64_t begin, std::int64_t least) {
  std::int64_t end = begin;
  do {
    const std::optional<std::int64_t> next = finder_.end_of_frame(end);
    if (!next) {
      return -1;
    }
    end = *next;
  } while (end - begin < least);
  return end;
}

void FrameReader::add(const std::shared_ptr<Stretch>& stretch) {
  stretch->decompressor->stop_at(stretch->end);
  next_begin_ = stretch->end;
  stretches_.push_back(stretch);
  ++begun_;
}

bool FrameReader::is_ready(std::int64_t count) const {
  std::int64_t bytes = 0;
  for (const std::shared_ptr<Stretch>& stretch : stretches_) {
    bytes += stretch->held;
    if (bytes >= count || stretch->error != nullptr) {
      return true;
    }
    if (!stretch->ended) {
      return false;
    }
  }
  return next_begin_ < 0;
}

void FrameReader::make_ready(std::unique_lock<std::mutex>& lock, std::int64_t count) {
  while (!is_ready(count)) {
    if (const std::shared_ptr<Stretch> stretch = claim()) {
      decompress(*stretch, lock);
    } else {
      changed_.wait(lock);
    }
  }
}

// The first stretch to work on, if there is room for its bytes.
std::shared_ptr<FrameReader::Stretch> FrameReader::claim() {
  bool may_go_on = true;
  for (const std::shared_ptr<Stretch>& stretch : stretches_) {
    if (may_go_on && !stretch->ended && !stretch->busy) {
      return stretch;
    }
    may_go_on = may_go_on && (stretch->ended || held_ < ahead_bytes_);
  }
  if (!may_go_on || next_begin_ < 0) {
    return nullptr;
  }
  auto next = std::make_shared<Stretch>();
  next->end = end_of_stretch(next_begin_, stretch_bytes_);
  next->owned = source_.decompressor().another(
      next_begin_,
      [&source = source_, at = next_begin_](char* destination, std::int64_t count) mutable {
        const std::int64_t bytes = source.read_at(destination, count, at);
        at += bytes;
        return bytes;
      });
  next->decompressor = next->owned.get();
  add(next);
  return next;
}

// A chunk of it.
void FrameReader::decompress(Stretch& stretch, std::unique_lock<std::mutex>& lock) {
  stretch.busy = true;
  lock.unlock();
  Chunk chunk;
  std::int64_t bytes = 0;
  bool ended = false;
  std::exception_ptr error;
  try {
    chunk.bytes.resize(static_cast<std::size_t>(chunk_bytes_));
    while (bytes < chunk_bytes_ && !ended) {
      const std::int64_t got =
          stretch.decompressor->read(chunk.bytes.data() + bytes, chunk_bytes_ - bytes);
      bytes += got;
      ended = got == 0;
    }
  } catch (...) {
    error = std::current_exception();
  }
  chunk.bytes.resize(static_cast<std::size_t>(bytes));
  chunk.file_position = stretch.decompressor->file_position();
  lock.lock();
  if (stretch.dropped) {
    return;
  }
  stretch.busy = false;
  stretch.ended = ended || error != nullptr;
  stretch.error = error;
  const bool passed = chunk.file_position > stretch.end;
  const bool fell_short = stretch.ended && chunk.file_position < stretch.end;
  if (stretch.end >= 0 && (passed || fell_short)) {
    // Its end was not where the headers said: what was read from there on is worth nothing.
    while (stretches_.back().get() != &stretch) {
      held_ -= stretches_.back()->held;
      stretches_.back()->dropped = true;
      stretches_.pop_back();
    }
    stretch.end = -1;
    next_begin_ = -1;
  }
  stretch.held += bytes;
  held_ += bytes;
  stretch.chunks.push_back(std::move(chunk));
  changed_.notify_all();
}

std::int64_t FrameReader::take(char* destination, std::int64_t count) {
  std::int64_t bytes = 0;
  while (bytes < count && !stretches_.empty()) {
    Stretch& first = *stretches_.front();
    if (first.chunks.empty()) {
      if (first.error != nullptr && bytes == 0) {
        std::rethrow_exception(first.error);
      }
      if (first.error != nullptr || !first.ended) {
        break;
      }
      stretches_.pop_front();
      continue;
    }
    const Chunk& chunk = first.chunks.front();
    const auto size = static_cast<std::int64_t>(chunk.bytes.size());
    const std::int64_t taken = std::min(count - bytes, size - first.taken);
    std::memcpy(destination + bytes, chunk.bytes.data() + first.taken,
                static_cast<std::size_t>(taken));
    bytes += taken;
    first.taken += taken;
    first.held -= taken;
    held_ -= taken;
    if (first.taken == size) {
      source_.read_up_to(chunk.file_position);
      first.chunks.pop_front();
      first.taken = 0;
    }
  }
  changed_.notify_all();  // there is room
  return bytes;
}

}  // namespace steepest::data
