// SPDX-License-Identifier: Apache-2.0
// fit --inference against statsmodels: tests/reference/inference_statsmodels.py.
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <fstream>
#include <string>
#include <vector>

#include "tests/run_command.hpp"

namespace steepest::tests {
namespace {

using nlohmann::json;

const std::string data_folder = STEEPEST_SOURCE_FOLDER "/data/";
const std::vector<std::string> lists = {"coefficients", "standard_errors", "statistics",
                                        "p_values",     "lower",           "upper"};

// Values of output `output` in the order of the reference: features, then the intercept.
std::vector<double> values(const json& inference, const std::string& list, std::size_t output) {
  auto all = inference[list][output].get<std::vector<double>>();
  if (!inference["intercept"].is_null()) {
    all.push_back(inference["intercept"][list][output].get<double>());
  }
  return all;
}

// Relative to the size of what is compared: a bound of an interval may be next to 0.
void expect_equal(const json& inference, std::size_t output, const json& expected,
                  double tolerance) {
  const auto errors = expected["standard_errors"].get<std::vector<double>>();
  for (const std::string& list : lists) {
    if (!expected.contains(list)) {
      continue;
    }
    const std::vector<double> found = values(inference, list, output);
    const auto wanted = expected[list].get<std::vector<double>>();
    ASSERT_EQ(found.size(), wanted.size()) << list;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const bool in_units = list == "coefficients" || list == "lower" || list == "upper";
      const double scale = std::fabs(wanted[i]) + (in_units ? 3.0 * errors[i] : 0.0);
      // A tail probability moves by about statistic^2 times its statistic's relative error.
      const double statistic =
          expected.contains("statistics") ? expected["statistics"][i].get<double>() : 0.0;
      const double spread = list == "p_values"     ? 2.0 + statistic * statistic
                            : list == "statistics" ? 1.0 + 1.0 / (std::fabs(wanted[i]) + 1e-12)
                                                   : 1.0;
      EXPECT_NEAR(found[i], wanted[i], tolerance * scale * spread) << list << " " << i;
    }
  }
}

json inference_of(const TemporaryFolder& folder, const std::string& arguments) {
  const CommandRun run = run_command(folder, "fit " + arguments + " --inference --json");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const json result = run.json();
  EXPECT_TRUE(result["termination"]["converged"].get<bool>()) << result["termination"];
  EXPECT_LT(result["inference"]["distance"].get<double>(), 1e-4);
  return result["inference"];
}

// Rows of iris but those of one species, with a column of weights 1, 2, 3, 1, ...
std::string weighted_iris(const std::string& left_out) {
  std::ifstream file(data_folder + "iris.csv");
  std::string line;
  std::getline(file, line);
  std::string text = line + ",copies\n";
  for (int i = 0; std::getline(file, line);) {
    if (left_out.empty() || line.find(left_out) == std::string::npos) {
      text += line + "," + std::to_string(i++ % 3 + 1) + "\n";
    }
  }
  return text;
}

class Inference : public testing::Test {
 protected:
  TemporaryFolder folder;
  json reference =
      json::parse(std::ifstream(STEEPEST_SOURCE_FOLDER "/tests/reference/inference.json"));
};

TEST_F(Inference, LinearAsStatsmodels) {
  const json longley = inference_of(folder, data_folder + "longley.csv --target employed");
  expect_equal(longley, 0, reference["longley"], 1e-6);
  EXPECT_EQ(longley["kind"], "t");
  EXPECT_EQ(longley["degrees_of_freedom"], 9.0);
  EXPECT_NEAR(longley["residual_variance"][0].get<double>(),
              reference["longley"]["residual_variance"].get<double>(), 1e-3);
  const std::string iris = data_folder + "iris.csv --target petal_width --ignore species";
  expect_equal(inference_of(folder, iris), 0, reference["iris"], 1e-6);
  const json without = inference_of(folder, iris + " --no-intercept");
  expect_equal(without, 0, reference["iris_without_intercept"], 1e-6);
  EXPECT_TRUE(without["intercept"].is_null());
}

TEST_F(Inference, WeightsAreCopies) {
  const std::string data = folder.write("w.csv", weighted_iris(""));
  const std::string fit = data + " --target petal_width --ignore species --weight copies";
  const json weighted = inference_of(folder, fit);
  expect_equal(weighted, 0, reference["iris_weighted"], 1e-6);
  EXPECT_EQ(weighted["degrees_of_freedom"], reference["iris_weighted"]["degrees_of_freedom"]);
}

TEST_F(Inference, LogisticAndSoftmaxOfTwoClassesAsLogit) {
  const std::string data = folder.write("two.csv", weighted_iris("setosa"));
  for (const std::string loss : {"logistic", "softmax"}) {
    const json plain =
        inference_of(folder, data + " --target species --ignore copies --loss " + loss);
    expect_equal(plain, 0, reference["iris_two_classes"], 1e-6);
    EXPECT_TRUE(plain["separated"].empty());
    EXPECT_EQ(plain["kind"], "z");
    EXPECT_EQ(plain["reference"], "versicolor");
    EXPECT_EQ(plain["outputs"], json{"virginica"});
    EXPECT_TRUE(plain["degrees_of_freedom"].is_null());
    const json weighted =
        inference_of(folder, data + " --target species --weight copies --loss " + loss);
    expect_equal(weighted, 0, reference["iris_two_classes_weighted"], 1e-6);
  }
}

TEST_F(Inference, SoftmaxAsMultinomialLogit) {
  const json found = inference_of(
      folder, data_folder + "diamonds.csv --target cut --features carat,depth,table,price");
  const json& expected = reference["diamonds_cut"];
  EXPECT_EQ(found["reference"], expected["reference"]);
  ASSERT_EQ(found["outputs"].size(), 4U);
  for (std::size_t c = 0; c < 4; ++c) {
    EXPECT_EQ(found["outputs"][c], expected["classes"][c]["class"]);
    expect_equal(found, c, expected["classes"][c], 1e-6);
  }
}

TEST_F(Inference, SameBitsForAnyThreads) {
  const std::string fit =
      data_folder + "diamonds.csv --target price --categorical cut,color,clarity";
  const json one = inference_of(folder, fit + " --threads 1");
  EXPECT_EQ(inference_of(folder, fit + " --threads 3"), one);
}

TEST_F(Inference, SeveralTargetsEachWithItsOwnVariance) {
  const std::string longley = data_folder + "longley.csv --features gnp,year --target ";
  const json both = inference_of(folder, longley + "employed,unemployed");
  for (std::size_t o = 0; o < 2; ++o) {
    const json one = inference_of(folder, longley + (o == 0 ? "employed" : "unemployed"));
    for (const std::string& list : lists) {
      const std::vector<double> found = values(both, list, o);
      const std::vector<double> alone = values(one, list, 0);
      for (std::size_t i = 0; i < alone.size(); ++i) {
        EXPECT_NEAR(found[i], alone[i], 1e-8 * std::fabs(alone[i])) << list;
      }
    }
  }
}

// x3 = x1 + x2: their coefficients are not determined, that of x4 is as without x3.
TEST_F(Inference, DependentColumnsHaveNoStandardErrors) {
  std::string text = "x1,x2,x3,x4,y\n";
  for (int i = 0; i < 40; ++i) {
    const int a = i * 7 % 11;
    const int b = i * 5 % 13;
    const int c = i * 3 % 17;
    text += std::to_string(a) + "," + std::to_string(b) + "," + std::to_string(a + b) + "," +
            std::to_string(c) + "," + std::to_string(a - 2 * b + c + i * i % 5) + "\n";
  }
  const std::string data = folder.write("d.csv", text);
  const CommandRun run = run_command(folder, "fit " + data + " --target y --inference --json");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json found = run.json()["inference"];
  EXPECT_TRUE(found["condition_number"].is_null());
  EXPECT_EQ(found["collinear"], (json{"x1", "x2", "x3"}));
  for (std::size_t j = 0; j < 3; ++j) {
    EXPECT_TRUE(found["standard_errors"][0][j].is_null());
    EXPECT_TRUE(found["p_values"][0][j].is_null());
  }
  EXPECT_NE(run.err.find("depend on each other"), std::string::npos) << run.err;
  const CommandRun page = run_command(folder, "fit " + data + " --target y --inference");
  EXPECT_EQ(page.out.find("nan"), std::string::npos) << page.out;
  // Neither the fit nor what is known of x4 moves without x3.
  const json without = inference_of(folder, data + " --target y --ignore x3");
  EXPECT_EQ(found["degrees_of_freedom"], without["degrees_of_freedom"]);
  EXPECT_NEAR(found["standard_errors"][0][3].get<double>(),
              without["standard_errors"][0][2].get<double>(), 1e-7);
}

TEST_F(Inference, AConstantColumnThatWasDroppedChangesNothing) {
  const std::string data = folder.write("c.csv", "y,x,c\n1,1,5\n2,2,5\n3,3.5,5\n4,4,5\n5,5.5,5\n");
  const json with = inference_of(folder, data + " --target y --constant drop");
  const json without = inference_of(folder, data + " --target y --ignore c");
  EXPECT_TRUE(with["standard_errors"][0][1].is_null());
  EXPECT_EQ(with["degrees_of_freedom"], 3.0);
  EXPECT_NEAR(with["standard_errors"][0][0].get<double>(),
              without["standard_errors"][0][0].get<double>(), 1e-9);
  EXPECT_NEAR(with["intercept"]["standard_errors"][0].get<double>(),
              without["intercept"]["standard_errors"][0].get<double>(), 1e-9);
}

// Nothing is left of a target that a line explains: errors of rounding, and no alarm.
TEST_F(Inference, AnExactFitIsNotFarFromItself) {
  const std::string data =
      folder.write("e.csv", "y,x,z\n1,1,2\n2,2,1\n3,3,7\n4,4,2\n5,5,3\n6,6,6\n");
  const json found = inference_of(folder, data + " --target y --ignore z");
  EXPECT_NEAR(found["coefficients"][0][0].get<double>(), 1.0, 1e-9);
  EXPECT_LT(found["standard_errors"][0][0].get<double>(), 1e-9);
}

TEST_F(Inference, RefusesWhatItCannotTell) {
  const std::string iris = "fit " + data_folder + "iris.csv --target species --inference";
  const CommandRun penalised = run_command(folder, iris + " --l2 0.1");
  EXPECT_EQ(penalised.exit_code, 3);
  EXPECT_NE(penalised.err.find("--l2 0"), std::string::npos) << penalised.err;
  const std::string few = folder.write("f.csv", "a,b,y\n1,2,3\n2,1,4\n3,5,9\n");
  const CommandRun rows = run_command(folder, "fit " + few + " --target y --inference");
  EXPECT_EQ(rows.exit_code, 2);
  EXPECT_NE(rows.err.find("more rows than coefficients"), std::string::npos) << rows.err;
}

TEST_F(Inference, SeparatedClassesAreSaid) {
  const CommandRun run =
      run_command(folder, "fit " + data_folder + "iris.csv --target species --inference --json");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.json()["inference"]["separated"], (json{"versicolor", "virginica"}));
  EXPECT_NE(run.err.find("all but without error"), std::string::npos) << run.err;
}

TEST_F(Inference, ARunThatStoppedShortSaysHowFar) {
  const CommandRun run = run_command(
      folder, "fit " + data_folder +
                  "diamonds.csv --target price --features carat,depth,x,y --inference --json"
                  " --rule gradient --epochs 3");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_GT(run.json()["inference"]["distance"].get<double>(), 1.0);
  EXPECT_NE(run.err.find("standard errors away from the optimum"), std::string::npos) << run.err;
}

}  // namespace
}  // namespace steepest::tests
