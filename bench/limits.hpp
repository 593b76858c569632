// SPDX-License-Identifier: Apache-2.0
// What the machine can do at best, measured beside every operation: the denominators of all
// fractions the benchmarks report.
#pragma once

#include <cstdint>

#include "kernels/thread_pool.hpp"

namespace steepest::bench {

/// The sum of `count` floats on every thread of the pool: one plain read of the array, in the
/// widest vectors of the machine, with enough accumulators that loads are all it waits for.
[[nodiscard]] float plain_sum(const float* values, std::int64_t count, kernels::ThreadPool& pool);

/// Fused multiply-adds on registers alone, on every thread of the pool, in the widest vectors of
/// the machine: at least `flops` floating-point operations (two a multiply-add) in T. Returns the
/// number done. T is float or double.
template <class T>
[[nodiscard]] std::int64_t multiply_adds(std::int64_t flops, kernels::ThreadPool& pool);

}  // namespace steepest::bench
