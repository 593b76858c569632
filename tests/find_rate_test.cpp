// SPDX-License-Identifier: Apache-2.0
// The range test against what is known of quadratics.
#include "steepest/find_rate.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "steepest/error.hpp"
#include "steepest/read.hpp"

namespace steepest::tests {
namespace {

std::shared_ptr<RowSource> petal_widths() {
  ReadOptions read;
  read.paths = {std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv"};
  read.targets = {"petal_width"};
  read.ignore = {"species"};
  return std::make_shared<DatasetRows>(read_dataset(read));
}

TEST(FindRate, TheRateGrowsByOneFactorAndExplodesAboveTheBound) {
  FindRateOptions options;
  options.steps = 120;
  const FindRateResult result = find_rate(petal_widths(), options);
  ASSERT_GE(result.points.size(), 20U);
  EXPECT_NEAR(result.points[0].learning_rate, 1e-3 / result.largest_curvature, 1e-15);
  const double factor = std::pow(1e5, 1.0 / 119.0);
  for (std::size_t i = 1; i < result.points.size(); ++i) {
    EXPECT_NEAR(result.points[i].learning_rate / result.points[i - 1].learning_rate, factor, 1e-12);
    EXPECT_EQ(result.points[i].smoothed, result.points[i].objective);
  }
  EXPECT_TRUE(result.exploded);
  EXPECT_EQ(result.batch_curvature, result.largest_curvature);
  // A quadratic cannot grow while rates are below 2/L.
  for (std::size_t i = 1; i < result.points.size(); ++i) {
    if (result.points[i - 1].learning_rate < 1.97 / result.largest_curvature) {
      EXPECT_LE(result.points[i].objective, result.points[i - 1].objective * (1 + 1e-12)) << i;
    }
  }
  EXPECT_GT(result.points.back().learning_rate, 2.0 / result.largest_curvature);
  EXPECT_LT(result.suggested, 2.0 / result.largest_curvature);
}

TEST(FindRate, SmoothsMiniBatchesAndRepeatsToTheBit) {
  FindRateOptions options;
  options.batch_size = 10;
  options.problem.seed = 3;
  options.problem.threads = 1;
  const FindRateResult one = find_rate(petal_widths(), options);
  options.problem.threads = 3;
  const FindRateResult three = find_rate(petal_widths(), options);
  ASSERT_EQ(one.points.size(), three.points.size());
  double mean = 0.0;
  for (std::size_t i = 0; i < one.points.size(); ++i) {
    EXPECT_EQ(one.points[i].objective, three.points[i].objective);
    mean = 0.9 * mean + 0.1 * one.points[i].objective;
    EXPECT_NEAR(one.points[i].smoothed, mean / (1 - std::pow(0.9, static_cast<double>(i + 1))),
                1e-12);
  }
  EXPECT_GT(one.batch_curvature, one.largest_curvature);
  EXPECT_EQ(one.suggested, three.suggested);
}

// Whatever the batches hold, the suggestion stays near what the curvature allows.
TEST(FindRate, SuggestsAUsableRateUnderNoise) {
  ReadOptions read;
  read.paths = {std::string(STEEPEST_SOURCE_FOLDER) + "/data/diamonds.csv"};
  read.targets = {"price"};
  read.ignore = {"cut", "color", "clarity"};
  for (const std::int64_t batch : {16, 64, 1024}) {
    for (const std::uint64_t seed : {0U, 1U, 2U}) {
      FindRateOptions options;
      options.batch_size = batch;
      options.problem.seed = seed;
      const auto rows = std::make_shared<DatasetRows>(read_dataset(read));
      const FindRateResult result = find_rate(rows, options);
      EXPECT_GT(result.suggested, 0.02 / result.batch_curvature) << batch << " " << seed;
      EXPECT_LT(result.suggested, 2.0 / result.largest_curvature) << batch << " " << seed;
      EXPECT_GE(result.evaluations.size(), 10U);
    }
  }
}

TEST(FindRate, RefusesEmptyRanges) {
  FindRateOptions options;
  options.low = {2.0, false};
  EXPECT_THROW(static_cast<void>(find_rate(petal_widths(), options)), OptionError);
  options.low = {200.0, true};
  EXPECT_THROW(static_cast<void>(find_rate(petal_widths(), options)), OptionError);
  options.low = {0.01, true};
  options.steps = 3;
  EXPECT_THROW(static_cast<void>(find_rate(petal_widths(), options)), OptionError);
}

}  // namespace
}  // namespace steepest::tests
