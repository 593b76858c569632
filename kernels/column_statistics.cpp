// SPDX-License-Identifier: Apache-2.0
// Compiled once for every instruction set by Highway. Lanes are columns, so that the sums of a
// column run over its rows in order whatever the width: the bits are the same everywhere.
#include "kernels/column_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/column_statistics.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
// After foreach_target.h
#include <hwy/highway.h>

#ifndef STEEPEST_COLUMN_ARRAYS  // once for all instruction sets
#define STEEPEST_COLUMN_ARRAYS
namespace steepest::kernels {
struct ColumnArrays {
  double* mean;
  double* squares;
  float* minimum;
  float* maximum;
};
}  // namespace steepest::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace steepest::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

template <class D>
using Floats = hn::Rebind<float, D>;

template <class D>
struct Sums {
  hn::VFromD<D> sum;
  hn::VFromD<Floats<D>> minimum;
  hn::VFromD<Floats<D>> maximum;
};

// Two vectors of columns go together: one alone would wait for its own last addition.
constexpr std::size_t together = 2;

// sum w x, least and largest of the columns that begin at x and `offsets`, of rows `columns` apart.
template <class D>
HWY_INLINE void add_sums(D d, const float* x, const std::int64_t* offsets, const double* weights,
                         std::int64_t rows, std::int64_t columns, Sums<D>* out) {
  const Floats<D> f;
  const float infinity = std::numeric_limits<float>::infinity();
  Sums<D> sums[together];
  for (Sums<D>& part : sums) {
    part = {hn::Zero(d), hn::Set(f, infinity), hn::Set(f, -infinity)};
  }
  for (std::int64_t i = 0; i < rows; ++i, x += columns) {
    const double weight = weights == nullptr ? 1.0 : weights[i];
    if (!(weight > 0.0)) {
      continue;
    }
    for (std::size_t k = 0; k < together; ++k) {
      const auto value = hn::LoadU(f, x + offsets[k]);
      sums[k].sum = hn::Add(sums[k].sum, hn::Mul(hn::Set(d, weight), hn::PromoteTo(d, value)));
      sums[k].minimum = hn::Min(sums[k].minimum, value);
      sums[k].maximum = hn::Max(sums[k].maximum, value);
    }
  }
  std::copy_n(sums, together, out);
}

template <class D>
struct Gaps {
  hn::VFromD<D> mean;
  hn::VFromD<D> sum;
  hn::VFromD<D> square;
};

// sum w (x - mean) and sum w (x - mean)^2, likewise.
template <class D>
HWY_INLINE void add_gaps(D d, const float* x, const std::int64_t* offsets, const double* weights,
                         std::int64_t rows, std::int64_t columns, Gaps<D>* out) {
  const Floats<D> f;
  Gaps<D> gaps[together];
  std::copy_n(out, together, gaps);
  for (std::int64_t i = 0; i < rows; ++i, x += columns) {
    const double weight = weights == nullptr ? 1.0 : weights[i];
    if (!(weight > 0.0)) {
      continue;
    }
    for (std::size_t k = 0; k < together; ++k) {
      const auto gap = hn::Sub(hn::PromoteTo(d, hn::LoadU(f, x + offsets[k])), gaps[k].mean);
      const auto weighted = hn::Mul(hn::Set(d, weight), gap);
      gaps[k].sum = hn::Add(gaps[k].sum, weighted);
      gaps[k].square = hn::Add(gaps[k].square, hn::Mul(weighted, gap));
    }
  }
  std::copy_n(gaps, together, out);
}

// Vectors that would reach past the last column reach back: nothing is read behind a row.
template <class D>
void moments_by(D d, const float* features, const double* weights, std::int64_t rows,
                std::int64_t columns, double weight, const ColumnArrays& out) {
  const Floats<D> f;
  const auto total = hn::Set(d, weight);
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t next = 0; next < columns; next += 2 * lanes) {
    const std::int64_t last = columns - lanes;
    const std::int64_t offsets[together] = {std::min(next, last), std::min(next + lanes, last)};
    Sums<D> sums[together];
    add_sums(d, features, offsets, weights, rows, columns, sums);
    Gaps<D> gaps[together];
    for (std::size_t k = 0; k < together; ++k) {
      gaps[k] = {hn::Div(sums[k].sum, total), hn::Zero(d), hn::Zero(d)};
    }
    add_gaps(d, features, offsets, weights, rows, columns, gaps);
    for (std::size_t k = 0; k < together; ++k) {
      const auto shift = hn::Div(gaps[k].sum, total);
      const auto squares = hn::Sub(gaps[k].square, hn::Mul(gaps[k].sum, shift));
      hn::StoreU(hn::Add(gaps[k].mean, shift), d, out.mean + offsets[k]);
      hn::StoreU(hn::Max(hn::Zero(d), squares), d, out.squares + offsets[k]);
      hn::StoreU(sums[k].minimum, f, out.minimum + offsets[k]);
      hn::StoreU(sums[k].maximum, f, out.maximum + offsets[k]);
    }
  }
}

void moments(const float* features, const double* weights, std::int64_t rows, std::int64_t columns,
             double weight, const ColumnArrays& out) {
  const hn::CappedTag<double, 8> wide;
  if (columns >= static_cast<std::int64_t>(hn::Lanes(wide))) {
    moments_by(wide, features, weights, rows, columns, weight, out);
  } else {
    moments_by(hn::CappedTag<double, 1>(), features, weights, rows, columns, weight, out);
  }
}

}  // namespace
}  // namespace steepest::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest::kernels {

HWY_EXPORT(moments);

ColumnMoments ColumnMoments::of(const float* features, const double* weights, std::int64_t rows,
                                std::int64_t columns) {
  const auto width = static_cast<std::size_t>(columns);
  ColumnMoments result{0.0, std::vector<double>(width), std::vector<double>(width),
                       std::vector<float>(width), std::vector<float>(width)};
  for (std::int64_t i = 0; i < rows; ++i) {
    result.weight += weights == nullptr ? 1.0 : std::max(0.0, weights[i]);
  }
  if (result.weight > 0.0) {
    HWY_DYNAMIC_DISPATCH(moments)
    (features, weights, rows, columns, result.weight,
     {result.mean.data(), result.squares.data(), result.minimum.data(), result.maximum.data()});
  }
  return result;
}

void ColumnMoments::merge(const ColumnMoments& other) {
  if (other.weight <= 0.0) {
    return;
  }
  if (weight <= 0.0) {
    *this = other;
    return;
  }
  const double total = weight + other.weight;
  for (std::size_t j = 0; j < mean.size(); ++j) {
    const double gap = other.mean[j] - mean[j];
    mean[j] += gap * (other.weight / total);
    squares[j] += other.squares[j] + gap * gap * (weight * other.weight / total);
    minimum[j] = std::min(minimum[j], other.minimum[j]);
    maximum[j] = std::max(maximum[j], other.maximum[j]);
  }
  weight = total;
}

ColumnStatistics ColumnMoments::statistics() const {
  ColumnStatistics result{mean, std::vector<double>(mean.size()), minimum, maximum};
  for (std::size_t j = 0; j < mean.size(); ++j) {
    result.standard_deviation[j] = std::sqrt(squares[j] / weight);
  }
  return result;
}

ColumnStatistics column_statistics(const RowSource& rows, ThreadPool& pool) {
  // Moments wait for their turn to be merged, so there are never more than this many.
  constexpr std::int64_t blocks_at_once = 256;
  const std::int64_t blocks = (rows.rows() + moment_rows - 1) / moment_rows;
  std::vector<RowBuffer> buffers(static_cast<std::size_t>(pool.threads()));
  std::vector<ColumnMoments> moments(static_cast<std::size_t>(std::min(blocks, blocks_at_once)));
  ColumnMoments all;
  for (std::int64_t done = 0; done < blocks; done += blocks_at_once) {
    const std::int64_t count = std::min(blocks_at_once, blocks - done);
    pool.for_each(count, [&](std::int64_t block, int worker) {
      RowBuffer& buffer = buffers[static_cast<std::size_t>(worker)];
      const std::int64_t first = (done + block) * moment_rows;
      const std::int64_t size = std::min(moment_rows, rows.rows() - first);
      const float* const features = rows.features(first, size, buffer);
      const double* const weights = rows.weights(first, size, buffer);
      moments[static_cast<std::size_t>(block)] =
          ColumnMoments::of(features, weights, size, rows.feature_count());
    });
    for (std::int64_t block = 0; block < count; ++block) {
      all.merge(moments[static_cast<std::size_t>(block)]);
    }
  }
  return all.statistics();
}

}  // namespace steepest::kernels

#endif  // HWY_ONCE
