// SPDX-License-Identifier: Apache-2.0
// Fork and join for loops of a fixed number of partitions: a few microseconds, no allocation.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace steepest::kernels {

/// Runs loops on `threads` threads, the caller among them. Which thread takes which index is left
/// to chance, so a loop is deterministic when its partitions do not depend on the number of threads
/// and write to places of their own. Nobody waits for a thread that is late: what it would have
/// taken the others take, so that a short loop costs little where processors are busy with other
/// programs. Not for nested or concurrent use.
class ThreadPool {
 public:
  /// threads >= 1, or 0 for every processor this process may run on.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls body(index, worker) for every index in [0, count), count < 2^32; worker is in
  /// [0, threads()). Indexes are taken in order. Returns when all calls have. Rethrows the first
  /// exception a call has thrown. A count of 1 runs on the caller without waking anyone.
  template <class Body>
  void for_each(std::int64_t count, Body&& body) {
    using Function = std::remove_reference_t<Body>;
    run(
        count,
        [](void* context, std::int64_t index, int worker) {
          (*static_cast<Function*>(context))(index, worker);
        },
        const_cast<void*>(static_cast<const void*>(&body)));
  }

 private:
  using Call = void (*)(void* context, std::int64_t index, int worker);

  void run(std::int64_t count, Call call, void* context);
  void serve(int worker);
  void take_indexes(int worker);

  std::vector<std::jthread> workers_;
  std::atomic<std::uint64_t> ticket_{0};  // a loop's number; below it, indexes not taken yet
  std::atomic<std::uint32_t> loops_{0};   // begun; what idle threads wait for
  std::atomic<std::uint32_t> done_{0};    // calls of this loop that have returned
  std::atomic<bool> ending_{false};
  std::atomic<std::uint32_t> count_{0};
  std::atomic<Call> call_{nullptr};
  std::atomic<void*> context_{nullptr};
  std::mutex error_mutex_;
  std::exception_ptr error_;
};

}  // namespace steepest::kernels
