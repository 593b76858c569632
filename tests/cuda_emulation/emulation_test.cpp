// SPDX-License-Identifier: Apache-2.0
// The emulation sees the mistakes it is there for.
#include "tests/cuda_emulation/emulation.hpp"

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "kernels/device_buffer.cuh"
#include "kernels/stream.cuh"
#include "tests/cuda_emulation/block.hpp"
#include "tests/cuda_emulation/device_memory.hpp"
#include "tests/cuda_emulation/emulation_fixture.hpp"

namespace steepest::tests {
namespace {

TEST_F(Emulation, RunsWorkWhenTheHostWaits) {
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  kernels::DeviceBuffer<int> buffer(1, "numbers");
  int host = 7;
  ASSERT_EQ(cudaMemcpyAsync(buffer.data(), &host, sizeof host, cudaMemcpyHostToDevice, stream),
            cudaSuccess);
  host = 8;  // too early
  int back = 0;
  ASSERT_EQ(cudaMemcpyAsync(&back, buffer.data(), sizeof back, cudaMemcpyDeviceToHost, stream),
            cudaSuccess);
  EXPECT_EQ(back, 0);
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(back, 8);
  ASSERT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

// Threads that read their neighbour's value; true when all read what it wrote.
bool neighbours_agree(bool with_barrier) {
  constexpr unsigned threads = 64;
  std::vector<unsigned> written(threads, threads);
  std::vector<unsigned> read(threads, threads);
  emulation::run_block(threads, [&] {
    const unsigned thread = emulation::current_thread.x;
    written[thread] = thread;
    if (with_barrier) {
      emulation::wait_at_barrier(1);
    }
    read[thread] = written[(thread + 1) % threads];
  });
  for (unsigned thread = 0; thread < threads; ++thread) {
    if (read[thread] != (thread + 1) % threads) {
      return false;
    }
  }
  return true;
}

// A kernel that writes so many bytes of the shared memory of its launch.
void write_shared(int bytes) {
  std::memset(emulation::dynamic_shared_memory(), 1, static_cast<std::size_t>(bytes));
}

cudaError_t launch_with_shared(const kernels::Stream& stream, std::size_t asked, int written) {
  cudaLaunchConfig_t config{};
  config.blockDim = dim3(2);
  config.dynamicSmemBytes = asked;
  config.stream = stream.get();
  return cudaLaunchKernelEx(&config, write_shared, written);
}

TEST_F(Emulation, GrantsTheSharedMemoryThatWasToldOf) {
  constexpr std::size_t untold = 49'152;
  constexpr int more = 200 * 1024;
  const kernels::Stream stream;
  EXPECT_EQ(launch_with_shared(stream, untold, 1), cudaSuccess);
  EXPECT_EQ(launch_with_shared(stream, more, 1), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFuncSetAttribute(write_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, more),
            cudaSuccess);
  EXPECT_EQ(launch_with_shared(stream, more, more), cudaSuccess);
  EXPECT_NE(
      cudaFuncSetAttribute(write_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, 228 * 1024),
      cudaSuccess);
  static_cast<void>(cudaGetLastError());
  stream.wait();
}

TEST_F(Emulation, BlocksOfACooperativeLaunchAreNoMoreThanRunAtOnce) {
  const kernels::Stream stream;
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeCooperative;
  attribute.val.cooperative = 2;
  cudaLaunchConfig_t config{};
  config.stream = stream.get();
  config.attrs = &attribute;
  config.numAttrs = 1;
  config.gridDim = dim3(4);
  EXPECT_EQ(cudaLaunchKernelEx(&config, write_shared, 0), cudaSuccess);
  config.gridDim = dim3(6);
  EXPECT_EQ(cudaLaunchKernelEx(&config, write_shared, 0), cudaErrorCooperativeLaunchTooLarge);
  static_cast<void>(cudaGetLastError());
  stream.wait();
}

TEST_F(Emulation, SeesAMissingBarrier) {
  EXPECT_TRUE(neighbours_agree(true));
  EXPECT_FALSE(neighbours_agree(false));
}

TEST(EmulationDeathTest, SeesADivergentBarrier) {
  EXPECT_DEATH(emulation::run_block(4,
                                    [] {
                                      if (emulation::current_thread.x > 0) {
                                        emulation::wait_at_barrier(7);
                                      }
                                    }),
               "divergent barrier");
  EXPECT_DEATH(
      emulation::run_block(4, [] { emulation::wait_at_barrier(7 + emulation::current_thread.x); }),
      "divergent barrier");
}

// Sums over warps, each of whose threads gives 1 << lane and gets a neighbour's.
TEST_F(Emulation, ThreadsOfAWarpExchangeValues) {
  std::vector<unsigned> got(64);
  emulation::run_block(64, [&] {
    const unsigned thread = emulation::current_thread.x;
    unsigned value = thread;
    for (int round = 0; round < 5; ++round) {
      value = __shfl_xor_sync(~0U, value, 1 << round);
    }
    got[thread] = value;
  });
  for (unsigned thread = 0; thread < 64; ++thread) {
    EXPECT_EQ(got[thread], thread ^ 31U);
  }
}

TEST(EmulationDeathTest, SeesABarrierOfAClusterThatIsNotForAll) {
  EXPECT_DEATH(emulation::run_cluster(2, 4,
                                      [] {
                                        if (emulation::current_rank == 0) {
                                          emulation::wait_for_cluster(7);
                                        }
                                      }),
               "divergent barrier: one thread of a cluster");
}

// Blocks that read what their neighbour wrote; true when all do.
bool ranks_agree(bool with_barrier) {
  constexpr unsigned ranks = 4;
  unsigned written[ranks] = {ranks, ranks, ranks, ranks};
  bool agree = true;
  emulation::run_cluster(ranks, 64, [&] {
    written[emulation::current_rank] = emulation::current_rank;
    if (with_barrier) {
      emulation::wait_for_cluster(1);
    } else {
      emulation::wait_at_barrier(1);
    }
    const unsigned other = (emulation::current_rank + 1) % ranks;
    agree = agree && written[other] == other;
  });
  return agree;
}

TEST_F(Emulation, SeesAMissingBarrierOfACluster) {
  EXPECT_TRUE(ranks_agree(true));
  EXPECT_FALSE(ranks_agree(false));
}

TEST(EmulationDeathTest, SeesAnOperandThatIsNotRounded) {
  EXPECT_DEATH(emulation::run_block(32,
                                    [] {
                                      float sums[4] = {};
                                      emulation::multiply_add_in_warp(
                                          sums, {kernels::bits_of(0.1F), 0, 0, 0}, {0, 0},
                                          kernels::Rounding::tf32, 1);
                                    }),
               "not rounded to tf32");
}

TEST(EmulationDeathTest, SeesADivergentExchange) {
  EXPECT_DEATH(emulation::run_block(32,
                                    [] {
                                      if (emulation::current_thread.x > 0) {
                                        static_cast<void>(__shfl_xor_sync(~0U, 1, 1));
                                      }
                                    }),
               "divergent barrier: one thread of a warp");
  EXPECT_DEATH(emulation::run_block(32, [] { static_cast<void>(__shfl_xor_sync(0xFFFFU, 1, 1)); }),
               "a part of a warp");
  EXPECT_DEATH(emulation::run_block(16, [] { static_cast<void>(__shfl_sync(~0U, 1, 20)); }),
               "one that is not there");
}

TEST(EmulationDeathTest, SeesAWritePastAnArray) {
  EXPECT_DEATH(
      {
        auto* memory = static_cast<char*>(emulation::allocate(10));
        memory[10] = 1;
        emulation::release(memory);
      },
      "past an array of 10 bytes");
}

TEST(EmulationDeathTest, SeesAWritePastTheSharedMemoryOfALaunch) {
  EXPECT_DEATH(
      {
        const kernels::Stream stream;
        static_cast<void>(launch_with_shared(stream, 1000, 1001));
        stream.wait();
      },
      "past its shared memory");
}

TEST(EmulationDeathTest, SeesACopyBetweenTheWrongMemories) {
  kernels::DeviceBuffer<double> buffer(4, "numbers");
  double host[8] = {};
  EXPECT_DEATH(kernels::upload(host, 5, buffer.data(), nullptr), "does not lie in one array");
  EXPECT_DEATH(kernels::upload(buffer.data(), 4, host, nullptr), "does not lie in one array");
}

}  // namespace
}  // namespace steepest::tests
