// SPDX-License-Identifier: Apache-2.0
// Intervals from resampled rows against the spread over independent samples, and the curve of the
// NLL against sums by hand.
#include <gtest/gtest.h>

#include <cmath>

#include "steepest/calibrate.hpp"
#include "tests/calibration_problems.hpp"

namespace steepest::tests {
namespace {

CalibrationOptions two_threads() {
  CalibrationOptions options;
  options.threads = 2;
  options.storage = {1, "/tmp"};
  return options;
}

// The standard error is from the curvature and the scores (calibrate_test.cpp holds it against the
// spread over samples); the bootstrap knows nothing of either.
TEST(Bootstrap, IntervalOfTheTemperatureIsTheStandardErrors) {
  for (const bool as_file : {false, true}) {
    TestLogits rows = random_logits(41, 4000, 6, 1.3);
    rows.as_file = as_file;
    CalibrationOptions options = two_threads();
    options.bootstrap = 1000;
    const Calibration found = calibrate_temperature(rows, options);
    ASSERT_TRUE(found.bootstrap.has_value());
    EXPECT_EQ(found.bootstrap->replicates, 1000);
    // A quantile of 1000 replicates is known to about 0.085 standard errors; four times that.
    const double slack = 0.35 * found.log_temperature_standard_error;
    EXPECT_NEAR(std::log(found.bootstrap->temperature.lower), std::log(found.lower_temperature()),
                slack);
    EXPECT_NEAR(std::log(found.bootstrap->temperature.upper), std::log(found.upper_temperature()),
                slack);
    EXPECT_LE(found.bootstrap->ece_before.lower, found.bootstrap->ece_before.upper);
    EXPECT_LT(found.bootstrap->ece_before.lower, found.before.ece);
    EXPECT_GT(found.bootstrap->ece_before.upper, found.before.ece);
  }
}

// Binned errors of resampled rows against those of new rows: both spread alike about their means.
TEST(Bootstrap, IntervalOfTheErrorIsAsWideAsTheSpreadOverSamples) {
  constexpr int samples = 60;
  double sum = 0.0;
  double squares = 0.0;
  for (int s = 0; s < samples; ++s) {
    const TestLogits rows =
        random_logits(static_cast<std::uint64_t>(90000 + s * 7000), 1500, 4, 1.6);
    const double ece = calibrate_temperature(rows, two_threads()).before.ece;
    sum += ece / samples;
    squares += ece * ece / samples;
  }
  const double deviation = std::sqrt(squares - sum * sum);
  CalibrationOptions options = two_threads();
  options.bootstrap = 600;
  const Calibration found = calibrate_temperature(random_logits(90000, 1500, 4, 1.6), options);
  const double width = found.bootstrap->ece_before.upper - found.bootstrap->ece_before.lower;
  // The deviation of 60 samples is known to 9 %, the width of 600 replicates to 5 %.
  EXPECT_NEAR(width, 2.0 * 1.96 * deviation, 0.35 * width);
}

TEST(Bootstrap, IsNotForWhatHasNoTemperature) {
  CalibrationOptions options = two_threads();
  options.bootstrap = 100;
  const TestLogits separable({2.0, 0.0, 0.0, 2.0}, {0, 1}, 2);
  EXPECT_FALSE(calibrate_temperature(separable, options).bootstrap.has_value());
}

TEST(NllCurve, IsTheNllAtItsTemperatures) {
  for (const bool as_file : {false, true}) {
    TestLogits rows = random_logits(42, 500, 5, 2.0);
    rows.as_file = as_file;
    CalibrationOptions options = two_threads();
    options.curve_points = 9;
    const Calibration found = calibrate_temperature(rows, options);
    ASSERT_EQ(found.curve.size(), 9U);
    LogitBuffer buffer;
    const LogitBlock block = rows.read(0, 500, buffer);
    for (std::size_t i = 0; i < found.curve.size(); ++i) {
      const NllPoint& point = found.curve[i];
      double nll = 0.0;
      for (std::int64_t r = 0; r < 500; ++r) {
        const double* const z = block.doubles + r * 5;
        double total = 0.0;
        for (int c = 0; c < 5; ++c) {
          total += std::exp((z[c] - z[block.labels[r]]) / point.temperature);
        }
        nll += std::log(total) / 500.0;
      }
      EXPECT_NEAR(point.nll, nll, 1e-9);
      EXPECT_GE(point.nll, found.after->nll - 1e-9);
      EXPECT_TRUE(i == 0 || point.temperature > found.curve[i - 1].temperature);
    }
    EXPECT_NEAR(found.curve.back().temperature / found.curve.front().temperature, 16.0, 1e-6);
    EXPECT_EQ(found.temperature, calibrate_temperature(rows, two_threads()).temperature);
  }
}

}  // namespace
}  // namespace steepest::tests
