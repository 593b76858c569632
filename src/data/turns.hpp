// SPDX-License-Identifier: Apache-2.0
// Lets threads do something one after the other, in the order of numbers they hold.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <utility>

namespace steepest::data {

/// Numbers count from 0. The first exception, in that order, ends all turns.
class Turns {
 public:
  /// Waits until it is this number's turn, then runs body(). False, without running it, when an
  /// earlier turn has thrown. What body throws is kept for rethrow().
  template <class Body>
  bool take(std::int64_t number, Body body) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return next_ == number || error_ != nullptr; });
    if (error_ != nullptr) {
      return false;
    }
    try {
      body();
      ++next_;
    } catch (...) {
      error_ = std::current_exception();
    }
    changed_.notify_all();
    return error_ == nullptr;
  }

  /// Ends all turns, from outside of one.
  void fail(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    if (error_ == nullptr) {
      error_ = std::move(error);
    }
    changed_.notify_all();
  }

  /// Throws what ended the turns, if anything did.
  void rethrow() {
    const std::lock_guard lock(mutex_);
    if (error_ != nullptr) {
      std::rethrow_exception(error_);
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t next_ = 0;
  std::exception_ptr error_;
};

}  // namespace steepest::data
