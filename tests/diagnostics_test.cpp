// SPDX-License-Identifier: Apache-2.0
// Bins that grow: the same whatever the order, every value in its own.
#include "steepest/diagnostics.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <random>

#include "steepest/fit.hpp"
#include "steepest/read.hpp"
#include "tests/temporary_folder.hpp"

namespace steepest::tests {
namespace {

double sum_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

TEST(Diagnostics, HistogramsCountEveryValueInAnyOrder) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal(5.0, 2.0);
  std::vector<double> values(3000);
  std::generate(values.begin(), values.end(), [&] { return normal(random); });
  values.push_back(90.0);  // widens everything
  GrowingHistogram first(1.0, 1e-9, 64);
  for (const double value : values) {
    first.add(value, 1.0);
  }
  std::shuffle(values.begin(), values.end(), random);
  GrowingHistogram second(1.0, 1e-9, 64);
  GrowingHistogram rest(1.0, 1e-9, 64);
  for (std::size_t i = 0; i < values.size(); ++i) {
    (i < 100 ? second : rest).add(values[i], 1.0);
  }
  second.merge(rest);
  second.merge(GrowingHistogram(1.0, 1e-9, 64));
  second.add(std::nan(""), 1.0);
  EXPECT_EQ(first.weights(), second.weights());
  EXPECT_EQ(first.width(), second.width());
  std::vector<double> direct(64, 0.0);
  for (const double value : values) {
    direct[static_cast<std::size_t>((value - first.lower()) / first.width())] += 1.0;
  }
  EXPECT_EQ(first.weights(), direct);
}

TEST(Diagnostics, GridsDoAsHistograms) {
  std::mt19937_64 random(4);
  std::normal_distribution<double> normal(0.0, 3.0);
  GrowingGrid whole(0.0, 0.01, 16);
  GrowingGrid front(0.0, 0.01, 16);
  GrowingGrid back(0.0, 0.01, 16);
  for (int i = 0; i < 500; ++i) {
    const double x = normal(random);
    const double y = 4.0 * x + normal(random);
    whole.add(x, y, 2.0);
    (i < 7 ? front : back).add(x, y, 2.0);
  }
  front.merge(back);
  EXPECT_EQ(whole.weights(), front.weights());
  EXPECT_EQ(sum_of(whole.weights()), 1000.0);
}

TEST(Diagnostics, OfAClassifierAgreeWithItsMetrics) {
  ReadOptions read;
  read.paths = {std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv"};
  read.targets = {"species"};
  FitOptions options;
  options.diagnostics = true;
  const FitResult result = fit(read_dataset(read), options);
  ASSERT_TRUE(result.diagnostics);
  const Diagnostics& found = *result.diagnostics;
  ASSERT_EQ(found.confusion.size(), 9U);
  EXPECT_EQ(sum_of(found.confusion), 150.0);
  EXPECT_NEAR((found.confusion[0] + found.confusion[4] + found.confusion[8]) / 150.0,
              result.softmax->accuracy, 1e-15);
  double ece = 0.0;
  for (const ConfidenceBin& bin : found.confidence) {
    ece += bin.weight / 150.0 * std::fabs(bin.accuracy - bin.confidence);
  }
  EXPECT_NEAR(ece, result.softmax->ece, 1e-14);
}

TEST(Diagnostics, OfALinearModelHoldEveryRowOnAnyNumberOfThreads) {
  std::vector<std::vector<double>> seen;
  for (const int threads : {1, 3}) {
    ReadOptions read;
    read.paths = {std::string(STEEPEST_SOURCE_FOLDER) + "/data/diamonds.csv"};
    read.targets = {"price"};
    read.features = {"carat", "depth"};
    FitOptions options;
    options.diagnostics = true;
    options.threads = threads;
    const FitResult result = fit(read_dataset(read), options);
    ASSERT_TRUE(result.diagnostics);
    ASSERT_EQ(result.diagnostics->outputs.size(), 1U);
    const GrowingHistogram& residuals = result.diagnostics->outputs[0].residuals;
    EXPECT_EQ(sum_of(residuals.weights()), 53940.0);
    EXPECT_EQ(sum_of(result.diagnostics->outputs[0].pairs.weights()), 53940.0);
    double squares = 0.0;
    for (std::size_t i = 0; i < residuals.weights().size(); ++i) {
      const double middle = residuals.lower() + residuals.width() * (static_cast<double>(i) + 0.5);
      squares += residuals.weights()[i] * middle * middle;
    }
    EXPECT_NEAR(squares / 53940.0, result.linear->mse, 0.01 * result.linear->mse);
    seen.push_back(residuals.weights());
  }
  EXPECT_EQ(seen[0], seen[1]);
}

// NLL(T) = mean of log sum exp(z / T) - z_y / T, written out.

}  // namespace
}  // namespace steepest::tests
