// SPDX-License-Identifier: Apache-2.0
// Bins and quantiles of confidence, of few rows and of more than are held side by side.
#include "src/calibrate/reliability.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/thread_pool.hpp"
#include "src/calibrate/row_sketch.hpp"

namespace steepest::tests {
namespace {

using calibrate::RowSketch;
using calibrate::SketchExtra;

// Row i has -log confidence i / n, in an order of their own: 7919 has no factor in common with n.
CalibrationMetrics measured(std::int64_t n, std::int64_t bad_rows) {
  RowSketch sketch(n + bad_rows, 3, SketchExtra::none, std::int64_t{1} << 30, "/tmp");
  std::vector<float> memory;
  float* const records = sketch.place(0, n + bad_rows, memory);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto rank = static_cast<double>(i * 7919 % n);
    float* const record = records + i * sketch.record();
    record[0] = 0.5F;  // right, and not asked for
    record[1] = static_cast<float>(rank / static_cast<double>(n));
    record[2] = 0.0F;
    record[3] = 0.0F;
  }
  for (std::int64_t i = n; i < n + bad_rows; ++i) {
    records[i * sketch.record()] = std::numeric_limits<float>::quiet_NaN();
  }
  kernels::ThreadPool pool(2);
  CalibrationMetrics metrics;
  calibrate::measure_reliability(sketch, {false, 0.0}, pool, metrics);
  return metrics;
}

TEST(Reliability, QuantilesOfFewAndOfManyRows) {
  for (const std::int64_t n : {std::int64_t{3001}, (std::int64_t{1} << 22) + 1}) {
    const CalibrationMetrics metrics = measured(n, 5);
    ASSERT_EQ(metrics.equal_mass_bins.size(), 15U);
    std::int64_t count = 0;
    for (std::size_t b = 0; b < 15; ++b) {
      const ReliabilityBin& bin = metrics.equal_mass_bins[b];
      count += bin.count;
      EXPECT_NEAR(static_cast<double>(bin.count), static_cast<double>(n) / 15.0, 1.0);
      // The quantile b / 15 of confidence is that of 1 - b / 15 of its negated logarithm.
      const double lower = std::exp(-(1.0 - static_cast<double>(b) / 15.0));
      EXPECT_NEAR(bin.lower, lower, 1.0 / static_cast<double>(n));
    }
    EXPECT_EQ(count, n);
    EXPECT_NEAR(metrics.confidence, 1.0 - std::exp(-1.0), 1.0 / static_cast<double>(n));
    EXPECT_NEAR(metrics.ece, std::exp(-1.0), 1.0 / static_cast<double>(n));  // all are right
  }
}

}  // namespace
}  // namespace steepest::tests
