// SPDX-License-Identifier: Apache-2.0
#include "kernels/column_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace steepest::kernels {
namespace {

// Calls body(row, weight) for every row that counts.
template <class Body>
void for_each_row(const float* features, const double* weights, std::int64_t rows,
                  std::int64_t columns, Body body) {
  for (std::int64_t i = 0; i < rows; ++i) {
    const double weight = weights == nullptr ? 1.0 : weights[i];
    if (weight > 0.0) {
      body(features + i * columns, weight);
    }
  }
}

}  // namespace

ColumnMoments ColumnMoments::of(const float* features, const double* weights, std::int64_t rows,
                                std::int64_t columns) {
  const auto width = static_cast<std::size_t>(columns);
  ColumnMoments moments;
  moments.mean.assign(width, 0.0);
  moments.squares.assign(width, 0.0);
  moments.minimum.assign(width, std::numeric_limits<float>::infinity());
  moments.maximum.assign(width, -std::numeric_limits<float>::infinity());
  double* const mean = moments.mean.data();
  double* const squares = moments.squares.data();
  float* const minimum = moments.minimum.data();
  float* const maximum = moments.maximum.data();
  for_each_row(features, weights, rows, columns, [&](const float* row, double weight) {
    moments.weight += weight;
    for (std::int64_t j = 0; j < columns; ++j) {
      mean[j] += weight * static_cast<double>(row[j]);
      minimum[j] = std::min(minimum[j], row[j]);
      maximum[j] = std::max(maximum[j], row[j]);
    }
  });
  if (moments.weight <= 0.0) {
    return moments;
  }
  for (std::int64_t j = 0; j < columns; ++j) {
    mean[j] /= moments.weight;
  }
  std::vector<double> gaps(width, 0.0);  // sum w (x - mean), 0 but for rounding
  double* const gap_sums = gaps.data();
  for_each_row(features, weights, rows, columns, [&](const float* row, double weight) {
    for (std::int64_t j = 0; j < columns; ++j) {
      const double gap = static_cast<double>(row[j]) - mean[j];
      gap_sums[j] += weight * gap;
      squares[j] += weight * gap * gap;
    }
  });
  for (std::int64_t j = 0; j < columns; ++j) {
    const double correction = gap_sums[j] * (gap_sums[j] / moments.weight);
    squares[j] = std::max(0.0, squares[j] - correction);
    mean[j] += gap_sums[j] / moments.weight;
  }
  return moments;
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
