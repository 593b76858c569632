// SPDX-License-Identifier: Apache-2.0
// Compiled once for every instruction set by Highway; the best one is chosen at run time.
#include "bench/plain_log_sum_exp.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/plain_log_sum_exp.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
// After foreach_target.h
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace steepest::bench::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

double log_sum_exp_of_rows(const float* logits, std::int64_t rows, std::int64_t classes) {
  const hn::CappedTag<float, 16> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t whole = classes / lanes * lanes;
  double sum = 0.0;
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* const row = logits + r * classes;
    auto largest = hn::Set(d, -std::numeric_limits<float>::infinity());
    for (std::int64_t c = 0; c < whole; c += lanes) {
      largest = hn::Max(largest, hn::LoadU(d, row + c));
    }
    float top = hn::GetLane(hn::MaxOfLanes(d, largest));
    for (std::int64_t c = whole; c < classes; ++c) {
      top = std::max(top, row[c]);
    }
    auto total = hn::Zero(d);
    for (std::int64_t c = 0; c < whole; c += lanes) {
      total = hn::Add(total, hn::Exp(d, hn::Sub(hn::LoadU(d, row + c), hn::Set(d, top))));
    }
    float row_total = hn::GetLane(hn::SumOfLanes(d, total));
    for (std::int64_t c = whole; c < classes; ++c) {
      row_total += std::exp(row[c] - top);
    }
    sum += static_cast<double>(top) + std::log(static_cast<double>(row_total));
  }
  return sum;
}

}  // namespace steepest::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest::bench {

HWY_EXPORT(log_sum_exp_of_rows);

double plain_log_sum_exp(const float* logits, std::int64_t rows, std::int64_t classes,
                         kernels::ThreadPool& pool) {
  constexpr std::int64_t block_rows = 64;
  std::vector<double> sums(static_cast<std::size_t>((rows + block_rows - 1) / block_rows));
  pool.for_each(static_cast<std::int64_t>(sums.size()), [&](std::int64_t block, int /*worker*/) {
    const std::int64_t first = block * block_rows;
    sums[static_cast<std::size_t>(block)] = HWY_DYNAMIC_DISPATCH(log_sum_exp_of_rows)(
        logits + first * classes, std::min(block_rows, rows - first), classes);
  });
  double total = 0.0;
  for (const double sum : sums) {
    total += sum;
  }
  return total;
}

}  // namespace steepest::bench
#endif  // HWY_ONCE
