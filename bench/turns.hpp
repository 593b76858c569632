// SPDX-License-Identifier: Apache-2.0
// Measures an operation and its limits turn by turn, so that a noisy machine is noisy for both.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels/thread_pool.hpp"

namespace steepest::bench {

/// Something the machine does as fast as it can, to hold an operation against.
struct Limit {
  std::string counter;          ///< as fraction_of_read
  double operation_work = 0.0;  ///< bytes or flops of one call of the operation
  double work = 0.0;            ///< of one call of the limit, same unit
  std::function<void()> call;
};

/// One plain read of `count` floats, by plain_sum.
[[nodiscard]] Limit read_limit(double operation_bytes, const float* values, std::int64_t count,
                               kernels::ThreadPool& pool);

/// The fused multiply-add rate in T.
template <class T>
[[nodiscard]] Limit multiply_add_limit(double operation_flops, kernels::ThreadPool& pool);

/// What to measure. `prepare` runs untimed before every call of the operation, where given.
struct Operation {
  std::function<void()> call;
  std::function<void()> prepare;
};

/// Runs the state's loop. An iteration is a turn: some calls of the operation, at least 2 ms of
/// them where nothing must be prepared, then as long of each limit. Sets the iteration time to that
/// of the calls, and counters from medians over the turns: `seconds` a call, `calls` a turn, and
/// for every limit its rate and the fraction of it that the operation reaches in the same turn.
/// Returns `seconds`.
double measure(benchmark::State& state, const Operation& operation,
               const std::vector<Limit>& limits);

}  // namespace steepest::bench
