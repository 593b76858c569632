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
  loops_.fetch_add(1, std::memory_order_release);
  loops_.notify_all();
}

void ThreadPool::run(std::int64_t count, Call call, void* context) {
  if (count <= 1 || workers_.empty()) {
    for (std::int64_t index = 0; index < count; ++index) {
      call(context, index, 0);
    }
    return;
  }
  const auto calls = static_cast<std::uint32_t>(count);
  count_.store(calls, std::memory_order_relaxed);
  call_.store(call, std::memory_order_relaxed);
  context_.store(context, std::memory_order_relaxed);
  done_.store(0, std::memory_order_relaxed);
  const std::uint32_t loop = loops_.load(std::memory_order_relaxed) + 1;
  ticket_.store(std::uint64_t{loop} << 32 | calls, std::memory_order_release);
  loops_.store(loop, std::memory_order_release);
  loops_.notify_all();
  take_indexes(0);
  for (std::uint32_t done = done_.load(std::memory_order_acquire); done != calls;
       done = done_.load(std::memory_order_acquire)) {
    wait_while_equal(done_, done);
  }
  if (error_) {
    std::rethrow_exception(std::exchange(error_, nullptr));
  }
}

void ThreadPool::serve(int worker) {
  std::uint32_t seen = 0;
  for (;;) {
    wait_while_equal(loops_, seen);
    seen = loops_.load(std::memory_order_acquire);
    if (ending_.load(std::memory_order_relaxed)) {
      return;
    }
    take_indexes(worker);
  }
}

// A ticket that could be changed was of a loop that still runs, since it had an index left; so what
// was read of that loop before is whole.
void ThreadPool::take_indexes(int worker) {
  for (;;) {
    std::uint64_t ticket = ticket_.load(std::memory_order_acquire);
    const auto left = static_cast<std::uint32_t>(ticket);
    if (left == 0) {
      return;
    }
    const std::uint32_t count = count_.load(std::memory_order_relaxed);
    const Call call = call_.load(std::memory_order_relaxed);
    void* const context = context_.load(std::memory_order_relaxed);
    if (!ticket_.compare_exchange_weak(ticket, ticket - 1, std::memory_order_acq_rel)) {
      continue;
    }
    try {
      call(context, static_cast<std::int64_t>(count - left), worker);
    } catch (...) {
      const std::lock_guard lock(error_mutex_);
      if (!error_) {
        error_ = std::current_exception();
      }
    }
    if (done_.fetch_add(1, std::memory_order_acq_rel) + 1 == count) {
      done_.notify_one();
    }
  }
}

}  // namespace steepest::kernels
