// SPDX-License-Identifier: Apache-2.0
// Where there is no answer, where the answer means little, and rows that cannot be used.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "steepest/calibrate.hpp"
#include "steepest/error.hpp"
#include "tests/calibration_problems.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

CalibrationOptions one_thread() {
  CalibrationOptions options;
  options.threads = 1;
  options.storage = {1, "/tmp"};
  return options;
}

// Both ways to the answer, which must agree.
template <class Make>
Calibration calibrate_both_ways(Make make, const CalibrationOptions& options = one_thread()) {
  const TestLogits rows = make();
  Calibration result = calibrate_temperature(rows, options);
  TestLogits file = make();
  file.as_file = true;
  const Calibration read = calibrate_temperature(file, options);
  EXPECT_EQ(read.status, result.status);
  EXPECT_EQ(read.rows, result.rows);
  EXPECT_EQ(read.masked, result.masked);
  if (result.status == CalibrationStatus::solved) {
    EXPECT_NEAR(read.temperature, result.temperature, 1e-6 * result.temperature);
  }
  return result;
}

bool warns(const Calibration& calibration, const std::string& text) {
  for (const std::string& warning : calibration.warnings) {
    if (warning.find(text) != std::string::npos) {
      return true;
    }
  }
  return false;
}

// n rows of `classes` logits whose label, row modulo classes, scores `margin` above the others.
TestLogits separated(std::int64_t n, std::int64_t classes, double margin) {
  std::vector<double> values;
  std::vector<std::int32_t> labels;
  for (std::int64_t r = 0; r < n; ++r) {
    for (std::int64_t c = 0; c < classes; ++c) {
      const double noise = split_mix(4, static_cast<std::uint64_t>(r * classes + c));
      values.push_back((c == r % classes ? margin : 0.0) + noise);
    }
    labels.push_back(static_cast<std::int32_t>(r % classes));
  }
  return {std::move(values), std::move(labels), classes};
}

TEST(CalibrateEdges, PerfectlySeparableRowsHaveNoOptimum) {
  const Calibration found = calibrate_both_ways([] { return separated(300, 3, 2.0); });
  EXPECT_EQ(found.status, CalibrationStatus::zero);
  EXPECT_EQ(found.temperature, 0.0);
  EXPECT_EQ(found.before.accuracy, 1.0);
  EXPECT_FALSE(found.after.has_value());
  EXPECT_TRUE(warns(found, "--smoothing"));
  EXPECT_TRUE(warns(found, "keep T = 1"));
  CalibrationOptions smoothed = one_thread();
  smoothed.smoothing = 0.01;
  EXPECT_EQ(calibrate_both_ways([] { return separated(300, 3, 2.0); }, smoothed).status,
            CalibrationStatus::solved);
}

TEST(CalibrateEdges, AntiAlignedLabelsHaveNoFiniteOptimum) {
  const Calibration found = calibrate_both_ways([] { return separated(300, 3, -2.0); });
  EXPECT_EQ(found.status, CalibrationStatus::infinite);
  EXPECT_EQ(found.beta, 0.0);
  EXPECT_EQ(found.before.accuracy, 0.0);
  EXPECT_TRUE(warns(found, "label k means column k"));
}

TEST(CalibrateEdges, ConstantLogitsAreUndetermined) {
  const Calibration found = calibrate_both_ways(
      [] { return TestLogits(std::vector<double>(90, 7.5), std::vector<std::int32_t>(30, 1), 3); });
  EXPECT_EQ(found.status, CalibrationStatus::undetermined);
  EXPECT_EQ(found.temperature, 1.0);
  EXPECT_NEAR(found.after->nll, std::log(3.0), 1e-12);
  EXPECT_NEAR(found.after->ece, 1.0 / 3.0, 1e-7);  // never right, 1/3 sure
  EXPECT_EQ(found.after->bins[4].count, 30);       // 1/3 ends bin 5: (4/15, 5/15]
}

TEST(CalibrateEdges, RandomLabelsAreSolvedWithAWarning) {
  const Calibration found = calibrate_both_ways([] {
    TestLogits rows = random_logits(11, 400, 5, 3.0);
    std::vector<double> values;
    std::vector<std::int32_t> labels;
    LogitBuffer buffer;
    const LogitBlock block = rows.read(0, 400, buffer);
    values.assign(block.doubles, block.doubles + 2000);
    for (std::uint64_t r = 0; r < 400; ++r) {
      labels.push_back(static_cast<std::int32_t>(5.0 * split_mix(123, r)));
    }
    return TestLogits(std::move(values), std::move(labels), 5);
  });
  EXPECT_NE(found.status, CalibrationStatus::zero);
  if (found.status == CalibrationStatus::solved) {
    EXPECT_GT(found.temperature, 10.0);
    EXPECT_TRUE(warns(found, "near uninformative"));
    EXPECT_TRUE(warns(found, "standard error"));
  }
}

TEST(CalibrateEdges, OneWrongRowOfManyIsSolvedWithAHugeStandardError) {
  const auto make = [] {
    TestLogits rows = separated(2000, 4, 2.0);
    std::vector<double> values;
    std::vector<std::int32_t> labels;
    LogitBuffer buffer;
    const LogitBlock block = rows.read(0, 2000, buffer);
    values.assign(block.doubles, block.doubles + 8000);
    labels.assign(block.labels, block.labels + 2000);
    labels[1234] = (labels[1234] + 1) % 4;
    return TestLogits(std::move(values), std::move(labels), 4);
  };
  const Calibration found = calibrate_both_ways(make);
  EXPECT_EQ(found.status, CalibrationStatus::solved);
  EXPECT_LT(found.temperature, 0.5);
  EXPECT_GT(found.temperature, 0.0);
  EXPECT_TRUE(warns(found, "standard error of log T is huge"));
}

TEST(CalibrateEdges, ScalesAndOffsetsAreExact) {
  const Calibration plain = calibrate_both_ways([] { return random_logits(21, 800, 7, 1.5); });
  for (const double scale : {1e4, 1e-4, 1e15}) {
    const Calibration scaled =
        calibrate_both_ways([scale] { return random_logits(21, 800, 7, 1.5 * scale); });
    EXPECT_NEAR(scaled.temperature, scale * plain.temperature, 1e-9 * scale * plain.temperature);
    EXPECT_NEAR(scaled.after->nll, plain.after->nll, 1e-9);
  }
  const Calibration offset =
      calibrate_both_ways([] { return random_logits(21, 800, 7, 1.5, 1e4); });
  EXPECT_NEAR(offset.temperature, plain.temperature, 1e-9 * plain.temperature);
  // As floats, offset logits are those that float holds, 2^-10 apart: no more error than that.
  TestLogits floats = random_logits(21, 800, 7, 1.5, 1e4);
  floats.as_floats = true;
  EXPECT_NEAR(calibrate_temperature(floats, one_thread()).temperature, plain.temperature,
              1e-4 * plain.temperature);
}

// Rows that mix what can and what cannot be used.
TestLogits with_logit(std::int64_t row, std::int64_t column, double value) {
  TestLogits rows = random_logits(31, 100, 4, 1.0);
  LogitBuffer buffer;
  const LogitBlock block = rows.read(0, 100, buffer);
  std::vector<double> values(block.doubles, block.doubles + 400);
  std::vector<std::int32_t> labels(block.labels, block.labels + 100);
  labels[static_cast<std::size_t>(row)] = 2;
  values[static_cast<std::size_t>(row * 4 + column)] = value;
  return {std::move(values), std::move(labels), 4};
}

TEST(CalibrateEdges, MaskedClassesAreLeftOutAndCounted) {
  const Calibration masked = calibrate_both_ways([] { return with_logit(17, 0, -infinity); });
  EXPECT_EQ(masked.status, CalibrationStatus::solved);
  EXPECT_EQ(masked.masked, 1);
  EXPECT_TRUE(warns(masked, "1 logit of -inf"));
  // A logit far below the others is nearly the same, but counts in the mean gap at beta = 0.
  const Calibration low = calibrate_both_ways([] { return with_logit(17, 0, -400.0); });
  EXPECT_NEAR(masked.temperature, low.temperature, 1e-9);
  EXPECT_NEAR(masked.after->nll, low.after->nll, 1e-9);
}

TEST(CalibrateEdges, BadLogitsAreErrorsThatNameTheFirstRow) {
  struct Case {
    double value;
    std::int64_t column;
    const char* text;
  };
  for (const Case& bad :
       {Case{std::nan(""), 3, "row 42 (from 0): column 3 is not a number"},
        Case{infinity, 1, "row 42 (from 0): column 1 is +inf"},
        Case{3e33, 1, "row 42 (from 0): column 1 is 3e+33"},
        Case{-infinity, 2, "row 42 (from 0): the logit of its label 2 is -inf"}}) {
    for (const bool as_file : {false, true}) {
      TestLogits rows = with_logit(42, bad.column, bad.value);
      rows.as_file = as_file;
      const std::string message =
          thrown_message<InputError>([&] { (void)calibrate_temperature(rows, one_thread()); });
      EXPECT_NE(message.find(bad.text), std::string::npos) << message;
      EXPECT_NE(message.find("1 row of 100 rows"), std::string::npos) << message;
      CalibrationOptions skip = one_thread();
      skip.bad_rows = BadRowPolicy::skip;
      const Calibration found = calibrate_temperature(rows, skip);
      EXPECT_EQ(found.rows, 99);
      EXPECT_EQ(found.rows_skipped, 1);
      EXPECT_EQ(found.status, CalibrationStatus::solved);
    }
  }
}

TEST(CalibrateEdges, LabelsOutsideAreErrors) {
  for (const std::int32_t label : {-1, 4, 1000000, no_label}) {
    std::vector<double> values(40, 0.0);
    values[3] = 1.0;
    std::vector<std::int32_t> labels(10, 1);
    labels[6] = label;
    labels[7] = label;
    const TestLogits rows(std::move(values), std::move(labels), 4);
    const std::string message =
        thrown_message<InputError>([&] { (void)calibrate_temperature(rows, one_thread()); });
    EXPECT_NE(message.find("row 6 (from 0)"), std::string::npos) << message;
    EXPECT_NE(message.find("[0, 4)"), std::string::npos) << message;
    EXPECT_NE(message.find("2 rows of 10 rows"), std::string::npos) << message;
  }
}

TEST(CalibrateEdges, NoUsableRowIsAnErrorEvenWhenSkipping) {
  CalibrationOptions skip = one_thread();
  skip.bad_rows = BadRowPolicy::skip;
  const TestLogits rows(std::vector<double>(6, std::nan("")), {0, 1, 0}, 2);
  EXPECT_NE(thrown_message<InputError>([&] {
              (void)calibrate_temperature(rows, skip);
            }).find("no row can be used"),
            std::string::npos);
}

TEST(CalibrateEdges, ProbabilitiesGivenAsLogitsAreNoticed) {
  std::vector<double> values;
  std::vector<std::int32_t> labels;
  for (std::uint64_t r = 0; r < 50; ++r) {
    const double p = 0.2 + 0.6 * split_mix(8, r);
    values.insert(values.end(), {p, 0.7 * (1.0 - p), 0.3 * (1.0 - p)});
    labels.push_back(static_cast<std::int32_t>(r % 3));
  }
  const TestLogits rows(values, labels, 3);
  EXPECT_TRUE(warns(calibrate_temperature(rows, one_thread()), "look like probabilities"));
  CalibrationOptions options = one_thread();
  options.input = LogitInput::logprobs;
  EXPECT_TRUE(warns(calibrate_temperature(rows, options), "do not sum to 1"));
}

TEST(CalibrateEdges, OneRowAndOneWrongRow) {
  for (const std::int32_t label : {0, 1, 2}) {
    const TestLogits rows({3.0, 1.0, 0.0}, {label}, 3);
    const Calibration found = calibrate_temperature(rows, one_thread());
    EXPECT_EQ(found.rows, 1);
    EXPECT_TRUE(std::isfinite(found.before.nll));
    EXPECT_EQ(found.status, label == 0 ? CalibrationStatus::zero : CalibrationStatus::infinite);
  }
}

}  // namespace
}  // namespace steepest::tests
