// SPDX-License-Identifier: Apache-2.0
#include "kernels/thread_pool.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <stdexcept>

namespace steepest::tests {
namespace {

using kernels::ThreadPool;

TEST(ThreadPool, CallsEveryIndexOnce) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const std::int64_t count : {0, 1, 2, 7, 100, 5000}) {
      std::vector<int> calls(static_cast<std::size_t>(count), 0);
      pool.for_each(count, [&](std::int64_t index, int worker) {
        EXPECT_GE(worker, 0);
        EXPECT_LT(worker, threads);
        ++calls[static_cast<std::size_t>(index)];
      });
      EXPECT_EQ(std::accumulate(calls.begin(), calls.end(), 0), count);
      for (const int each : calls) {
        EXPECT_EQ(each, 1);
      }
    }
  }
}

TEST(ThreadPool, ManyShortLoopsInARow) {
  ThreadPool pool(4);
  std::vector<std::int64_t> sums(16, 0);
  for (int loop = 0; loop < 20000; ++loop) {
    pool.for_each(16, [&](std::int64_t index, int /*worker*/) {
      sums[static_cast<std::size_t>(index)] += index;
    });
  }
  for (std::int64_t index = 0; index < 16; ++index) {
    EXPECT_EQ(sums[static_cast<std::size_t>(index)], 20000 * index);
  }
}

TEST(ThreadPool, RethrowsAndStaysUsable) {
  ThreadPool pool(3);
  for (int round = 0; round < 50; ++round) {
    EXPECT_THROW(pool.for_each(20,
                               [](std::int64_t index, int /*worker*/) {
                                 if (index == 13) {
                                   throw std::runtime_error("thirteen");
                                 }
                               }),
                 std::runtime_error);
    std::atomic<int> calls{0};
    pool.for_each(20, [&](std::int64_t /*index*/, int /*worker*/) { ++calls; });
    EXPECT_EQ(calls.load(), 20);
  }
}

}  // namespace
}  // namespace steepest::tests
