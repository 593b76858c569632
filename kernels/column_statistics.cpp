// SPDX-License-Identifier: Apache-2.0
#include "kernels/column_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace steepest::kernels {
namespace {

// Weighted moments of some rows, per column.
struct Moments {
  double weight = 0.0;
  std::vector<double> mean;
  std::vector<double> squares;  // sum w (x - mean)^2
  std::vector<float> minimum;
  std::vector<float> maximum;

  explicit Moments(std::size_t columns)
      : mean(columns),
        squares(columns),
        minimum(columns, std::numeric_limits<float>::infinity()),
        maximum(columns, -std::numeric_limits<float>::infinity()) {}

  void add(const float* row, double row_weight) {
    if (row_weight <= 0.0) {
      return;
    }
    weight += row_weight;
    const double share = row_weight / weight;
    for (std::size_t j = 0; j < mean.size(); ++j) {
      const double value = static_cast<double>(row[j]);
      const double gap = value - mean[j];
      mean[j] += share * gap;
      squares[j] += row_weight * gap * (value - mean[j]);
      minimum[j] = std::min(minimum[j], row[j]);
      maximum[j] = std::max(maximum[j], row[j]);
    }
  }

  void merge(const Moments& other) {
    if (other.weight <= 0.0) {
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
};

}  // namespace

ColumnStatistics column_statistics(const FeatureMatrix& features,
                                   const std::vector<double>& weights, ThreadPool& pool) {
  constexpr std::int64_t rows_per_part = 4096;
  constexpr std::int64_t most_parts = 64;
  const std::int64_t rows = features.rows();
  const std::int64_t parts = std::clamp<std::int64_t>(rows / rows_per_part, 1, most_parts);
  const auto columns = static_cast<std::size_t>(features.columns());
  std::vector<Moments> moments(static_cast<std::size_t>(parts), Moments(columns));
  pool.for_each(parts, [&](std::int64_t part, int /*worker*/) {
    Moments& mine = moments[static_cast<std::size_t>(part)];
    for (std::int64_t i = part * rows / parts; i < (part + 1) * rows / parts; ++i) {
      mine.add(features.row(i), weights.empty() ? 1.0 : weights[static_cast<std::size_t>(i)]);
    }
  });
  Moments& all = moments[0];
  for (std::size_t part = 1; part < moments.size(); ++part) {
    all.merge(moments[part]);
  }
  ColumnStatistics result{std::move(all.mean), std::vector<double>(columns), std::move(all.minimum),
                          std::move(all.maximum)};
  for (std::size_t j = 0; j < columns; ++j) {
    result.standard_deviation[j] = std::sqrt(all.squares[j] / all.weight);
  }
  return result;
}

}  // namespace steepest::kernels
