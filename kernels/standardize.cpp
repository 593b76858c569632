// SPDX-License-Identifier: Apache-2.0
// Compiled once for every instruction set by Highway; the best one is chosen at run time.
#include "kernels/standardize.hpp"

#include <algorithm>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/standardize.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
// After foreach_target.h
#include <hwy/highway.h>

#include "kernels/tile_blocks-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace steepest::kernels::HWY_NAMESPACE {
namespace {

// Whole vectors of columns [j, columns); returns the first column left over.
template <class D>
HWY_INLINE std::int64_t standardize_vectors(D d, std::int64_t j, std::int64_t columns,
                                            const float* from, const double* mean,
                                            const double* inverse, const float* next, float* to) {
  const hn::Rebind<float, D> floats;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (; j + lanes <= columns; j += lanes) {
    prefetch<hn::MaxLanes(D())>(next + j);
    const auto x = hn::PromoteTo(d, hn::LoadU(floats, from + j));
    const auto moved = hn::Mul(hn::Sub(x, hn::LoadU(d, mean + j)), hn::LoadU(d, inverse + j));
    hn::StoreU(hn::DemoteTo(floats, moved), floats, to + j);
  }
  return j;
}

}  // namespace

void standardize_on_target(const float* from, std::int64_t rows, std::int64_t columns,
                           const double* mean, const double* inverse, float* to) {
  const float* next = from + rows * columns;  // what follows will be asked for next
  for (std::int64_t i = 0; i < rows; ++i, from += columns, to += columns, next += columns) {
    std::int64_t j = standardize_vectors(Tag<double>(), 0, columns, from, mean, inverse, next, to);
    const hn::CappedTag<double, 4> fewer;
    j = standardize_vectors(fewer, j, columns, from, mean, inverse, next, to);
    for (; j < columns; ++j) {
      to[j] = standardized(from[j], mean[j], inverse[j]);
    }
  }
}

}  // namespace steepest::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest::kernels {

HWY_EXPORT(standardize_on_target);

ColumnScales::ColumnScales(std::vector<double> means, std::vector<double> scales)
    : mean(std::move(means)), inverse(std::move(scales)) {
  for (double& scale : inverse) {
    scale = 1.0 / scale;
  }
}

void standardize_rows(const float* from, std::int64_t rows, const ColumnScales& scales, float* to) {
  HWY_DYNAMIC_DISPATCH(standardize_on_target)
  (from, rows, static_cast<std::int64_t>(scales.mean.size()), scales.mean.data(),
   scales.inverse.data(), to);
}

void standardize(const ColumnScales& scales, ThreadPool& pool, FeatureMatrix& features) {
  constexpr std::int64_t rows_per_task = 1024;
  const std::int64_t tasks = (features.rows() + rows_per_task - 1) / rows_per_task;
  pool.for_each(tasks, [&](std::int64_t task, int /*worker*/) {
    const std::int64_t first = task * rows_per_task;
    float* const rows = features.row(first);
    standardize_rows(rows, std::min(rows_per_task, features.rows() - first), scales, rows);
  });
}

}  // namespace steepest::kernels
#endif  // HWY_ONCE
