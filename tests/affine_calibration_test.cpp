// SPDX-License-Identifier: Apache-2.0
// Vector and matrix scaling against SciPy: tests/reference/make_affine_calibration.py.
#include "steepest/affine_calibration.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "steepest/error.hpp"
#include "tests/calibration_problems.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

const nlohmann::json& reference() {
  static const nlohmann::json json = [] {
    std::ifstream file(std::string(STEEPEST_SOURCE_FOLDER) +
                       "/tests/reference/affine_calibration.json");
    return nlohmann::json::parse(file);
  }();
  return json;
}

// One temperature is not the best that can be done with these: the script's skewed().
TestLogits skewed(std::uint64_t seed, std::int64_t rows, std::int64_t classes, double scale) {
  const TestLogits plain = random_logits(seed, rows, classes, scale);
  LogitBuffer buffer;
  const LogitBlock block = plain.read(0, rows, buffer);
  std::vector<double> values(block.doubles, block.doubles + rows * classes);
  for (std::int64_t i = 0; i < rows * classes; ++i) {
    const auto k = static_cast<double>(i % classes);
    double& z = values[static_cast<std::size_t>(i)];
    z = static_cast<double>(
        static_cast<float>(z * (1.0 + k / static_cast<double>(classes)) + k / 10.0));
  }
  return {std::move(values), std::vector<std::int32_t>(block.labels, block.labels + rows), classes};
}

AffineOptions options_of(ScalingMethod method) {
  AffineOptions options;
  options.method = method;
  options.temperature.threads = 2;
  options.temperature.device.kind = DeviceChoice::Kind::cpu;
  return options;
}

std::vector<double> flat(const nlohmann::json& factors) {
  std::vector<double> values;
  for (const auto& entry : factors) {
    if (entry.is_array()) {
      values.insert(values.end(), entry.begin(), entry.end());
    } else {
      values.push_back(entry);
    }
  }
  return values;
}

TEST(AffineCalibration, AgreesWithSciPy) {
  for (const auto& entry : reference()["problems"]) {
    SCOPED_TRACE(entry["method"].get<std::string>() + " " + entry["penalty"].dump());
    const TestLogits rows = skewed(entry["seed"], entry["rows"], entry["classes"], entry["scale"]);
    AffineOptions options = options_of(parse_scaling_method(entry["method"].get<std::string>()));
    options.penalty = entry["penalty"].get<double>();
    const AffineCalibration found = calibrate_affine(rows, options);
    EXPECT_TRUE(found.converged);
    EXPECT_LE(found.gradient_max_norm, found.gradient_tolerance);
    EXPECT_LT(found.passes, 200);
    EXPECT_EQ(found.penalty, *options.penalty);
    EXPECT_NEAR(found.after.nll, entry["nll"].get<double>(), 1e-7);
    EXPECT_LT(found.after.nll, found.temperature.after->nll);
    const std::vector<double> factors = flat(entry["factors"]);
    ASSERT_EQ(found.scaling.factors.size(), factors.size());
    for (std::size_t i = 0; i < factors.size(); ++i) {
      EXPECT_NEAR(found.scaling.factors[i], factors[i], 2e-4);
    }
    for (std::size_t k = 0; k < found.scaling.intercept.size(); ++k) {
      EXPECT_NEAR(found.scaling.intercept[k], entry["intercept"][k].get<double>(), 2e-4);
    }
  }
}

TEST(AffineCalibration, ChoosesThePenaltyOnRowsHeldOut) {
  for (const ScalingMethod method : {ScalingMethod::vector, ScalingMethod::matrix}) {
    const AffineCalibration found = calibrate_affine(skewed(7, 3000, 4, 1.5), options_of(method));
    ASSERT_EQ(found.trials.size(), 8U);
    ASSERT_TRUE(found.held_out.has_value());
    EXPECT_NEAR(static_cast<double>(found.held_out->rows), 600.0, 100.0);
    double least = found.trials[0].nll;
    for (const PenaltyTrial& trial : found.trials) {
      EXPECT_TRUE(trial.converged);
      least = std::min(least, trial.nll);
      if (trial.penalty == found.penalty) {
        EXPECT_EQ(trial.nll, found.held_out->affine);
      }
    }
    EXPECT_EQ(least, found.held_out->affine);
    EXPECT_FALSE(found.held_out->overfits());
    EXPECT_LT(found.held_out->affine, found.held_out->temperature);
  }
}

// Labels that come from softmax(z / T) leave a matrix nothing to find but noise.
TEST(AffineCalibration, SaysWhenItOverfits) {
  int overfits = 0;
  int warned = 0;
  for (std::uint64_t seed = 900; seed < 906; ++seed) {
    const AffineCalibration found =
        calibrate_affine(random_logits(seed * 131, 150, 8, 2.0), options_of(ScalingMethod::matrix));
    overfits += found.held_out->overfits() ? 1 : 0;
    for (const std::string& warning : found.warnings) {
      warned += warning.find("overfits") != std::string::npos ? 1 : 0;
    }
    // The penalty keeps it from what no penalty would do to held-out rows.
    EXPECT_LT(found.held_out->affine, found.trials.back().nll);
  }
  EXPECT_GE(overfits, 1);
  EXPECT_EQ(overfits, warned);
}

TEST(AffineCalibration, TheSameBitsForAnyNumberOfThreads) {
  for (const ScalingMethod method : {ScalingMethod::vector, ScalingMethod::matrix}) {
    AffineOptions options = options_of(method);
    options.temperature.threads = 1;
    const AffineCalibration one = calibrate_affine(skewed(3, 2500, 5, 1.0), options);
    options.temperature.threads = 3;
    const AffineCalibration other = calibrate_affine(skewed(3, 2500, 5, 1.0), options);
    EXPECT_EQ(one.scaling.factors, other.scaling.factors);
    EXPECT_EQ(one.scaling.intercept, other.scaling.intercept);
    EXPECT_EQ(one.penalty, other.penalty);
    EXPECT_EQ(one.after.ece, other.after.ece);
  }
}

TEST(AffineCalibration, RefusesWhatItCannotScale) {
  const auto message_of = [](TestLogits rows, const AffineOptions& options) {
    return thrown_message<InputError>([&] { (void)calibrate_affine(rows, options); });
  };
  const AffineOptions options = options_of(ScalingMethod::matrix);
  const TestLogits separable({2.0, 0.0, 0.0, 2.0}, {0, 1}, 2);
  EXPECT_NE(message_of(TestLogits({2.0, 0.0, 0.0, 2.0}, {0, 1}, 2), options).find("status zero"),
            std::string::npos);
  EXPECT_NE(message_of(TestLogits({2.0, -HUGE_VAL, 0.0, 2.0}, {0, 1}, 2), options).find("row 0"),
            std::string::npos);
  EXPECT_NE(message_of(TestLogits({2.0, 1.0, 0.0, 2.0}, {0, 5}, 2), options).find("row 1"),
            std::string::npos);
  AffineOptions wrong = options;
  wrong.penalty = -1.0;
  EXPECT_THROW((void)calibrate_affine(separable, wrong), OptionError);
  wrong.penalty = std::nullopt;
  wrong.valid_fraction = 1.0;
  EXPECT_THROW((void)calibrate_affine(separable, wrong), OptionError);
  wrong = options_of(ScalingMethod::vector);
  wrong.temperature.device.kind = DeviceChoice::Kind::cuda;
  EXPECT_THROW((void)calibrate_affine(separable, wrong), OptionError);
}

}  // namespace
}  // namespace steepest::tests
