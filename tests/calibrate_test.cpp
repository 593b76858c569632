// SPDX-License-Identifier: Apache-2.0
// Temperatures and metrics against SciPy's and scikit-learn's: tests/reference/make_calibration.py.
#include "steepest/calibrate.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/calibration_problems.hpp"
#include "tests/vector_levels.hpp"

namespace steepest::tests {
namespace {

const nlohmann::json& calibration_reference() {
  static const nlohmann::json json = [] {
    std::ifstream file(std::string(STEEPEST_SOURCE_FOLDER) + "/tests/reference/calibration.json");
    return nlohmann::json::parse(file);
  }();
  return json;
}

TestLogits problem_of(const nlohmann::json& entry) {
  return random_logits(entry["seed"], entry["rows"], entry["classes"], entry["scale"]);
}

CalibrationOptions two_threads() {
  CalibrationOptions options;
  options.threads = 2;
  options.storage = {1, "/tmp"};
  return options;
}

// Metrics of rows, not sums, keep 7 digits: a row's confidence is kept as a float.
void expect_metrics(const CalibrationMetrics& found, const nlohmann::json& expected,
                    double accuracy, double binned_accuracy) {
  EXPECT_NEAR(found.nll, expected["nll"].get<double>(), accuracy * expected["nll"].get<double>());
  EXPECT_DOUBLE_EQ(found.accuracy, expected["accuracy"].get<double>());
  EXPECT_NEAR(found.brier, expected["brier"].get<double>(), 1e-7);
  EXPECT_NEAR(found.entropy, expected["entropy"].get<double>(), 1e-6);
  EXPECT_NEAR(found.ece, expected["ece"].get<double>(), binned_accuracy);
  EXPECT_NEAR(found.mce, expected["mce"].get<double>(), binned_accuracy);
  EXPECT_NEAR(found.ece_equal_mass, expected["ece_equal_mass"].get<double>(), binned_accuracy);
}

void expect_solution(const Calibration& found, const nlohmann::json& expected,
                     double temperature_accuracy, double nll_accuracy,
                     double binned_accuracy = 1e-6) {
  ASSERT_EQ(found.status, CalibrationStatus::solved);
  const auto temperature = expected["temperature"].get<double>();
  EXPECT_NEAR(found.temperature, temperature, temperature_accuracy * temperature);
  EXPECT_DOUBLE_EQ(found.beta, 1.0 / found.temperature);
  expect_metrics(found.before, expected["before"], nll_accuracy, 1e-6);
  ASSERT_TRUE(found.after.has_value());
  expect_metrics(*found.after, expected["after"], nll_accuracy, binned_accuracy);
}

TEST(Calibrate, AgreesWithSciPyInMemory) {
  for (const auto& entry : calibration_reference()["problems"]) {
    SCOPED_TRACE(entry["seed"]);
    const TestLogits rows = problem_of(entry);
    const Calibration found = calibrate_temperature(rows, two_threads());
    expect_solution(found, entry, 1e-6, 1e-9);
    EXPECT_EQ(found.reads, 0);
    EXPECT_LE(found.passes, 6);
  }
}

TEST(Calibrate, AgreesWithSciPyInOneReadOfAFile) {
  int single = 0;
  for (const auto& entry : calibration_reference()["problems"]) {
    SCOPED_TRACE(entry["seed"]);
    TestLogits rows = problem_of(entry);
    rows.as_file = true;
    const Calibration found = calibrate_temperature(rows, two_threads());
    expect_solution(found, entry, 1e-6, 1e-9);
    EXPECT_TRUE(found.certified);
    EXPECT_EQ(found.reads, found.passes);
    EXPECT_LE(found.reads, 2);
    single += found.reads == 1 ? 1 : 0;
  }
  EXPECT_GE(single, 30);  // samples of a few dozen rows say too little now and then
}

TEST(Calibrate, FloatsAgreeToTheirRounding) {
  for (const auto& entry : calibration_reference()["problems"]) {
    SCOPED_TRACE(entry["seed"]);
    TestLogits rows = problem_of(entry);
    rows.as_floats = true;
    const Calibration found = calibrate_temperature(rows, two_threads());
    ASSERT_EQ(found.status, CalibrationStatus::solved);
    const auto temperature = entry["temperature"].get<double>();
    EXPECT_NEAR(found.temperature, temperature, 1e-6 * temperature);
    const auto nll = entry["after"]["nll"].get<double>();
    EXPECT_NEAR(found.after->nll, nll, 1e-7 * nll);
  }
}

TEST(Calibrate, TheSameBitsForAnyNumberOfThreads) {
  for (const bool as_file : {false, true}) {
    TestLogits rows = random_logits(77, 5000, 40, 1.7);
    rows.as_file = as_file;
    rows.as_floats = true;
    CalibrationOptions options = two_threads();
    options.threads = 1;
    const Calibration one = calibrate_temperature(rows, options);
    for (const int threads : {2, 3, 8}) {
      options.threads = threads;
      const Calibration other = calibrate_temperature(rows, options);
      EXPECT_EQ(std::bit_cast<std::uint64_t>(one.temperature),
                std::bit_cast<std::uint64_t>(other.temperature));
      EXPECT_EQ(one.log_temperature_standard_error, other.log_temperature_standard_error);
      EXPECT_EQ(one.residual, other.residual);
      for (const auto value :
           {&CalibrationMetrics::nll, &CalibrationMetrics::ece, &CalibrationMetrics::brier,
            &CalibrationMetrics::mce, &CalibrationMetrics::ece_equal_mass,
            &CalibrationMetrics::confidence, &CalibrationMetrics::entropy}) {
        EXPECT_EQ(one.before.*value, other.before.*value);
        EXPECT_EQ((*one.after).*value, (*other.after).*value);
      }
    }
  }
}

TEST(Calibrate, EveryVectorLevelSolves) {
  const auto& entry = calibration_reference()["problems"][30];
  at_every_vector_level([&] {
    expect_solution(calibrate_temperature(problem_of(entry), two_threads()), entry, 1e-6, 1e-9);
  });
}

// The two ways to the answer share no step but the sums.
TEST(Calibrate, OneReadAgreesWithSeveralPasses) {
  TestLogits rows = random_logits(5, 20000, 60, 2.5, 1e4);
  rows.as_floats = true;
  rows.rows_a_block = 64;
  const Calibration memory = calibrate_temperature(rows, two_threads());
  rows.as_file = true;
  const Calibration file = calibrate_temperature(rows, two_threads());
  EXPECT_EQ(file.reads, 1);
  EXPECT_NEAR(file.temperature, memory.temperature, 1e-7 * memory.temperature);
  EXPECT_NEAR(file.after->nll, memory.after->nll, 1e-9 * memory.after->nll);
  EXPECT_NEAR(file.after->brier, memory.after->brier, 1e-8);
  EXPECT_NEAR(file.after->ece, memory.after->ece, 1e-6);
  EXPECT_NEAR(file.log_temperature_standard_error, memory.log_temperature_standard_error, 1e-6);
}

// Against the spread of T over independent samples of one distribution.
TEST(Calibrate, StandardErrorIsTheSpreadOverSamples) {
  constexpr int samples = 200;
  double sum = 0.0;
  double squares = 0.0;
  double claimed = 0.0;
  for (int s = 0; s < samples; ++s) {
    const TestLogits rows = random_logits(static_cast<std::uint64_t>(1000 + s * 5000), 300, 4, 1.0);
    const Calibration found = calibrate_temperature(rows, two_threads());
    const double log_temperature = std::log(found.temperature);
    sum += log_temperature;
    squares += log_temperature * log_temperature;
    claimed += found.log_temperature_standard_error / samples;
  }
  const double spread = std::sqrt(squares / samples - sum / samples * (sum / samples));
  // The spread of 200 samples is itself known to 5 %; three times that.
  EXPECT_NEAR(claimed, spread, 0.15 * spread);
}

TEST(Calibrate, BinsHoldAllRowsAndMakeTheError) {
  const TestLogits rows = random_logits(9, 3000, 6, 0.5);
  const Calibration found = calibrate_temperature(rows, two_threads());
  for (const auto* const bins : {&found.after->bins, &found.after->equal_mass_bins}) {
    ASSERT_EQ(bins->size(), 15U);
    std::int64_t count = 0;
    double right = 0.0;
    for (const ReliabilityBin& bin : *bins) {
      count += bin.count;
      right += bin.accuracy * static_cast<double>(bin.count);
      if (bin.count > 0) {
        EXPECT_GT(bin.confidence, bin.lower - 1e-6);
        EXPECT_LE(bin.confidence, bin.upper + 1e-6);
      }
    }
    EXPECT_EQ(count, 3000);
    EXPECT_NEAR(right / 3000.0, found.after->accuracy, 1e-12);
  }
  for (const ReliabilityBin& bin : found.after->equal_mass_bins) {
    EXPECT_NEAR(static_cast<double>(bin.count), 200.0, 1.0);
  }
}

TEST(Calibrate, SmoothingMovesTheTargetAndNothingElse) {
  const TestLogits rows = random_logits(3, 2000, 5, 1.0);
  CalibrationOptions options = two_threads();
  options.smoothing = 0.1;
  const Calibration plain = calibrate_temperature(rows, two_threads());
  const Calibration smoothed = calibrate_temperature(rows, options);
  EXPECT_NEAR(smoothed.label_gap, 0.9 * plain.label_gap + 0.1 * plain.uniform_gap, 1e-12);
  EXPECT_GT(smoothed.temperature, plain.temperature);
  EXPECT_GT(smoothed.after->nll, plain.after->nll);
  EXPECT_EQ(smoothed.before.nll, plain.before.nll);
}

}  // namespace
}  // namespace steepest::tests
