// SPDX-License-Identifier: Apache-2.0
#include "kernels/column_statistics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/problems.hpp"

namespace steepest::tests {
namespace {

using kernels::ThreadPool;

ColumnStatistics column_statistics(const FeatureMatrix& features,
                                   const std::vector<double>& weights, ThreadPool& pool) {
  Dataset data;
  data.features = FeatureMatrix(features.rows(), features.columns());
  std::copy_n(features.data(), features.rows() * features.columns(), data.features.data());
  data.weights = weights;
  return kernels::column_statistics(DatasetRows(std::move(data)), pool);
}

// Two passes in long double.
void check_against_two_passes(const FeatureMatrix& features, const std::vector<double>& weights) {
  ThreadPool pool(2);
  const auto found = column_statistics(features, weights, pool);
  for (std::int64_t j = 0; j < features.columns(); ++j) {
    long double weight = 0;
    long double mean = 0;
    long double square = 0;
    for (std::int64_t i = 0; i < features.rows(); ++i) {
      const long double w = weights.empty() ? 1.0L : weights[static_cast<std::size_t>(i)];
      weight += w;
      mean += w * features.row(i)[j];
    }
    mean /= weight;
    for (std::int64_t i = 0; i < features.rows(); ++i) {
      const long double w = weights.empty() ? 1.0L : weights[static_cast<std::size_t>(i)];
      square += w * (features.row(i)[j] - mean) * (features.row(i)[j] - mean);
    }
    const auto column = static_cast<std::size_t>(j);
    const auto deviation = static_cast<double>(std::sqrt(square / weight));
    EXPECT_NEAR(found.mean[column], static_cast<double>(mean),
                1e-12 * (1 + std::fabs(static_cast<double>(mean))));
    EXPECT_NEAR(found.standard_deviation[column], deviation, 1e-10 * deviation);
  }
}

TEST(ColumnStatistics, AgreesWithTwoPassesFarFromZero) {
  kernels::TrainingData data = random_data({30000, 5, 1, true}, false, 3);
  for (std::int64_t i = 0; i < 30000; ++i) {
    data.features.row(i)[1] += 1e4F;
    data.features.row(i)[2] *= 1e-6F;
    data.features.row(i)[3] = 1e6F + static_cast<float>(i % 7);
  }
  check_against_two_passes(data.features, {});
  check_against_two_passes(data.features, data.weights);
}

TEST(ColumnStatistics, RangeLeavesOutRowsOfWeightZero) {
  FeatureMatrix features(3, 1);
  features.row(0)[0] = -5.0F;
  features.row(1)[0] = 2.0F;
  features.row(2)[0] = 3.0F;
  ThreadPool pool(1);
  const auto found = column_statistics(features, {0.0, 1.0, 1.0}, pool);
  EXPECT_EQ(found.minimum[0], 2.0F);
  EXPECT_EQ(found.maximum[0], 3.0F);
  EXPECT_DOUBLE_EQ(found.mean[0], 2.5);
  EXPECT_DOUBLE_EQ(found.standard_deviation[0], 0.5);
}

TEST(ColumnStatistics, SameBitsForAnyNumberOfThreads) {
  const auto data = random_data({50000, 4, 1, true}, false, 8);
  ThreadPool one(1);
  ThreadPool three(3);
  const auto a = column_statistics(data.features, data.weights, one);
  const auto b = column_statistics(data.features, data.weights, three);
  EXPECT_EQ(a.mean, b.mean);
  EXPECT_EQ(a.standard_deviation, b.standard_deviation);
}

}  // namespace
}  // namespace steepest::tests
