// SPDX-License-Identifier: Apache-2.0
// The work of a stream, done as late as CUDA allows.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <utility>

namespace steepest::emulation {

/// Work waits here until the host waits for it, so a host that reads a result, reuses a buffer or
/// frees one too early meets poison or old values. Work never runs beside the host.
class WorkQueue {
 public:
  void push(std::function<void()> work) {
    work_.push_back(std::move(work));
    ++pushed_;
  }

  /// Work queued so far, done or not.
  [[nodiscard]] std::int64_t pushed() const { return pushed_; }

  /// Does the first `count` of all work queued.
  void finish(std::int64_t count) {
    while (done_ < count) {
      const std::function<void()> work = std::move(work_.front());
      work_.pop_front();
      ++done_;
      work();
    }
  }

 private:
  std::deque<std::function<void()>> work_;  // not done
  std::int64_t pushed_ = 0;
  std::int64_t done_ = 0;
};

}  // namespace steepest::emulation
