// SPDX-License-Identifier: Apache-2.0
#include "kernels/thread_pool.hpp"

#include <sched.h>

#include <system_error>
#include <utility>

namespace steepest::kernels {
namespace {

// Long enough to meet the next step of a small batch, short enough not to burn a core while idle.
constexpr int spins_before_sleep = 4000;

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::atomic_signal_fence(std::memory_order_seq_cst);
#endif
}

int processors_allowed() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0) {
    return CPU_COUNT(&set);
  }
  const unsigned count = std::thread::hardware_concurrency();
  return count > 0 ? static_cast<int>(count) : 1;
}

template <class T>
void wait_while_equal(std::atomic<T>& value, T old) {
  for (int spin = 0; spin < spins_before_sleep; ++spin) {
    if (value.load(std::memory_order_acquire) != old) {
      return;
    }
    relax();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  const int wanted = threads > 0 ? threads : processors_allowed();
  workers_.reserve(static_cast<std::size_t>(wanted - 1));
  for (int worker = 1; worker < wanted; ++worker) {
    try {
      workers_.emplace_back([this, worker] { serve(worker); });
    } catch (const std::system_error&) {
      break;  // the system has no more: those there are do the work
    }
  }
}

ThreadPool::~ThreadPool() {
  ending_.store(true, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
}

void ThreadPool::run(std::int64_t count, Call call, void* context) {
  if (count <= 1 || workers_.empty()) {
    for (std::int64_t index = 0; index < count; ++index) {
      call(context, index, 0);
    }
    return;
  }
  count_ = count;
  call_ = call;
  context_ = context;
  next_.store(0, std::memory_order_relaxed);
  busy_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  take_indexes(0);
  for (int left = busy_.load(std::memory_order_acquire); left != 0;
       left = busy_.load(std::memory_order_acquire)) {
    wait_while_equal(busy_, left);
  }
  if (error_) {
    std::rethrow_exception(std::exchange(error_, nullptr));
  }
}

void ThreadPool::serve(int worker) {
  std::uint64_t seen = 0;
  for (;;) {
    wait_while_equal(generation_, seen);
    const std::uint64_t now = generation_.load(std::memory_order_acquire);
    if (now == seen) {
      continue;
    }
    seen = now;
    if (ending_.load(std::memory_order_relaxed)) {
      return;
    }
    take_indexes(worker);
    if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      busy_.notify_one();
    }
  }
}

void ThreadPool::take_indexes(int worker) {
  for (;;) {
    const std::int64_t index = next_.fetch_add(1, std::memory_order_relaxed);
    if (index >= count_) {
      return;
    }
    try {
      call_(context_, index, worker);
    } catch (...) {
      const std::lock_guard lock(error_mutex_);
      if (!error_) {
        error_ = std::current_exception();
      }
    }
  }
}

}  // namespace steepest::kernels
