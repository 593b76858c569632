// SPDX-License-Identifier: Apache-2.0
// Compiled once for every instruction set by Highway; the best one is chosen at run time.
#include "bench/limits.hpp"

#include <benchmark/benchmark.h>

#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/limits.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
// After foreach_target.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace steepest::bench::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Twelve chains cover latency times ports of current cores and fit sixteen registers.
constexpr int chains = 12;

template <class D, class V = hn::VFromD<D>>
std::int64_t multiply_adds_on_target(D d, std::int64_t rounds) {
  using T = hn::TFromD<D>;
  const V factor = hn::Set(d, T(0.5));
  V sums[chains];
  for (int k = 0; k < chains; ++k) {
    sums[k] = hn::Set(d, static_cast<T>(k));
  }
  for (std::int64_t round = 0; round < rounds; ++round) {
    for (V& sum : sums) {
      sum = hn::MulAdd(sum, factor, factor);
    }
  }
  V total = sums[0];
  for (int k = 1; k < chains; ++k) {
    total = hn::Add(total, sums[k]);
  }
  benchmark::DoNotOptimize(hn::GetLane(hn::SumOfLanes(d, total)));
  return 2 * rounds * chains * static_cast<std::int64_t>(hn::Lanes(d));
}

}  // namespace

float sum_of_range(const float* values, std::int64_t count) {
  constexpr int accumulators = 8;
  const hn::CappedTag<float, 16> d;
  using V = hn::VFromD<hn::CappedTag<float, 16>>;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V sums[accumulators];
  for (V& sum : sums) {
    sum = hn::Zero(d);
  }
  std::int64_t i = 0;
  for (; i + accumulators * lanes <= count; i += accumulators * lanes) {
    for (int k = 0; k < accumulators; ++k) {
      sums[k] = hn::Add(sums[k], hn::LoadU(d, values + i + k * lanes));
    }
  }
  V total = sums[0];
  for (int k = 1; k < accumulators; ++k) {
    total = hn::Add(total, sums[k]);
  }
  float result = hn::GetLane(hn::SumOfLanes(d, total));
  for (; i < count; ++i) {
    result += values[i];
  }
  return result;
}

std::int64_t multiply_adds_float(std::int64_t rounds) {
  return multiply_adds_on_target(hn::CappedTag<float, 16>(), rounds);
}

std::int64_t multiply_adds_double(std::int64_t rounds) {
  return multiply_adds_on_target(hn::CappedTag<double, 8>(), rounds);
}

}  // namespace steepest::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest::bench {

HWY_EXPORT(sum_of_range);
HWY_EXPORT(multiply_adds_float);
HWY_EXPORT(multiply_adds_double);

float plain_sum(const float* values, std::int64_t count, kernels::ThreadPool& pool) {
  constexpr std::int64_t smallest_part = 1 << 16;
  const std::int64_t parts = count < 64 * smallest_part ? 1 + count / smallest_part : 64;
  std::vector<float> sums(static_cast<std::size_t>(parts));
  pool.for_each(parts, [&](std::int64_t part, int /*worker*/) {
    const std::int64_t begin = part * count / parts;
    const std::int64_t end = (part + 1) * count / parts;
    sums[static_cast<std::size_t>(part)] =
        HWY_DYNAMIC_DISPATCH(sum_of_range)(values + begin, end - begin);
  });
  float total = 0.0F;
  for (const float sum : sums) {
    total += sum;
  }
  return total;
}

template <class T>
std::int64_t multiply_adds(std::int64_t flops, kernels::ThreadPool& pool) {
  constexpr std::int64_t parts_per_thread = 4;
  constexpr std::int64_t fewest_per_round = 24;
  const std::int64_t parts = parts_per_thread * pool.threads();
  const std::int64_t lanes = 64 / static_cast<std::int64_t>(sizeof(T));
  const std::int64_t rounds = flops / (parts * fewest_per_round * lanes) + 1;
  std::vector<std::int64_t> done(static_cast<std::size_t>(parts));
  pool.for_each(parts, [&](std::int64_t part, int /*worker*/) {
    done[static_cast<std::size_t>(part)] = sizeof(T) == sizeof(float)
                                               ? HWY_DYNAMIC_DISPATCH(multiply_adds_float)(rounds)
                                               : HWY_DYNAMIC_DISPATCH(multiply_adds_double)(rounds);
  });
  std::int64_t total = 0;
  for (const std::int64_t part : done) {
    total += part;
  }
  return total;
}

template std::int64_t multiply_adds<float>(std::int64_t, kernels::ThreadPool&);
template std::int64_t multiply_adds<double>(std::int64_t, kernels::ThreadPool&);

}  // namespace steepest::bench
#endif  // HWY_ONCE
