// SPDX-License-Identifier: Apache-2.0
// Compiled once for every instruction set by Highway; the best one is chosen at run time.
#include "kernels/standardize.hpp"

#include <algorithm>
#include <iterator>
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

// V of values that are floats, or bytes.
HWY_INLINE hn::VFromD<Tag<float>> load_bytes(Tag<float> d, const float* from) {
  return hn::LoadU(d, from);
}

HWY_INLINE hn::VFromD<Tag<float>> load_bytes(Tag<float> d, const std::uint8_t* from) {
  const hn::Rebind<std::uint8_t, decltype(d)> bytes;
  const hn::Rebind<std::int32_t, decltype(d)> whole;
  return hn::ConvertTo(d, hn::PromoteTo(whole, hn::LoadU(bytes, from)));
}

template <class Value>
HWY_INLINE void standardize_byte_row(const Value* from, std::int64_t columns, const float* mean,
                                     const float* inverse, float* to) {
  const Tag<float> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t j = 0;
  for (; j + lanes <= columns; j += lanes) {
    const auto moved = hn::Sub(load_bytes(d, from + j), hn::LoadU(d, mean + j));
    hn::StoreU(hn::Mul(moved, hn::LoadU(d, inverse + j)), d, to + j);
  }
  for (; j < columns; ++j) {
    to[j] = standardized_byte(static_cast<float>(from[j]), mean[j], inverse[j]);
  }
}

}  // namespace

void standardize_floats_on_target(const float* from, std::int64_t columns, const float* mean,
                                  const float* inverse, float* to) {
  standardize_byte_row(from, columns, mean, inverse, to);
}

void standardize_bytes_on_target(const std::uint8_t* from, std::int64_t columns, const float* mean,
                                 const float* inverse, float* to) {
  standardize_byte_row(from, columns, mean, inverse, to);
}

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
HWY_EXPORT(standardize_floats_on_target);
HWY_EXPORT(standardize_bytes_on_target);

ColumnScales::ColumnScales(std::vector<double> means, std::vector<double> scales, bool all_bytes)
    : mean(std::move(means)), inverse(std::move(scales)), bytes(all_bytes) {
  for (double& scale : inverse) {
    scale = 1.0 / scale;
  }
  if (bytes) {
    const auto rounded = [](double value) { return static_cast<float>(value); };
    std::transform(mean.begin(), mean.end(), std::back_inserter(byte_mean), rounded);
    std::transform(inverse.begin(), inverse.end(), std::back_inserter(byte_inverse), rounded);
  }
}

void standardize_row(const std::uint8_t* from, const ColumnScales& scales, float* to) {
  HWY_DYNAMIC_DISPATCH(standardize_bytes_on_target)
  (from, static_cast<std::int64_t>(scales.mean.size()), scales.byte_mean.data(),
   scales.byte_inverse.data(), to);
}

void standardize_rows(const float* from, std::int64_t rows, const ColumnScales& scales, float* to) {
  const auto columns = static_cast<std::int64_t>(scales.mean.size());
  for (std::int64_t i = 0; scales.bytes && i < rows; ++i) {
    HWY_DYNAMIC_DISPATCH(standardize_floats_on_target)
    (from + i * columns, columns, scales.byte_mean.data(), scales.byte_inverse.data(),
     to + i * columns);
  }
  if (scales.bytes) {
    return;
  }
  HWY_DYNAMIC_DISPATCH(standardize_on_target)
  (from, rows, columns, scales.mean.data(), scales.inverse.data(), to);
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
