// SPDX-License-Identifier: Apache-2.0
// Metrics of rows as they are against scikit-learn's, torchmetrics' and netcal's:
// tests/reference/make_calibration_metrics.py.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "steepest/affine_calibration.hpp"
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

TEST(CalibrateMetrics, AgreeWithThreeLibraries) {
  std::ifstream file(std::string(STEEPEST_SOURCE_FOLDER) +
                     "/tests/reference/calibration_metrics.json");
  const auto reference = nlohmann::json::parse(file);
  ASSERT_EQ(reference["problems"].size(), 6U);
  for (const auto& entry : reference["problems"]) {
    SCOPED_TRACE(entry["seed"]);
    TestLogits rows = random_logits(entry["seed"], entry["rows"], entry["classes"], entry["scale"]);
    const auto& expected = entry["metrics"];
    for (const bool as_file : {false, true}) {
      rows.as_file = as_file;
      const ScoreMeasurement found = measure_scores(rows, two_threads());
      EXPECT_EQ(found.rows, entry["rows"]);
      EXPECT_EQ(found.reads, as_file ? 1 : 0);
      const CalibrationMetrics& metrics = found.metrics;
      EXPECT_NEAR(metrics.nll, expected["nll"].get<double>(), 1e-9 * metrics.nll);
      EXPECT_NEAR(metrics.brier, expected["brier"].get<double>(), 1e-9);
      EXPECT_DOUBLE_EQ(metrics.accuracy, expected["accuracy"].get<double>());
      // Confidences are kept as floats here, and sums are float there.
      EXPECT_NEAR(metrics.ece, expected["ece"].get<double>(), 1e-6);
      EXPECT_NEAR(metrics.mce, expected["mce"].get<double>(), 1e-6);
      EXPECT_NEAR(metrics.rmsce, expected["rmsce"].get<double>(), 1e-6);
      if (expected.contains("netcal_ece")) {
        EXPECT_NEAR(metrics.ece, expected["netcal_ece"].get<double>(), 1e-6);
        EXPECT_NEAR(metrics.mce, expected["netcal_mce"].get<double>(), 1e-6);
      }
    }
  }
}

// What is measured of scaled rows is what the solver says of them at its T.
TEST(CalibrateMetrics, OfScaledRowsAreThoseAfterCalibration) {
  const TestLogits rows = random_logits(19, 1200, 6, 2.0);
  const Calibration found = calibrate_temperature(rows, two_threads());
  const ScoreScaling scaling{ScalingMethod::temperature, {found.beta}, {}};
  CalibrationOptions options = two_threads();
  options.bootstrap = 100;
  const ScoreMeasurement measured = measure_scores(*scaled_logits(rows, scaling), options);
  EXPECT_NEAR(measured.metrics.nll, found.after->nll, 1e-10);
  EXPECT_NEAR(measured.metrics.ece, found.after->ece, 1e-6);
  EXPECT_NEAR(measured.metrics.entropy, found.after->entropy, 1e-8);
  ASSERT_TRUE(measured.ece.has_value());
  EXPECT_LT(measured.ece->lower, measured.ece->upper);
  EXPECT_GT(measured.ece->upper, measured.metrics.ece);
}

}  // namespace
}  // namespace steepest::tests
