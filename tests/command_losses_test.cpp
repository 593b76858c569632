// SPDX-License-Identifier: Apache-2.0
// Losses, class weights and smoothed labels from the command line to the predictions.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/run_command.hpp"
#include "tests/sanitizers.hpp"

namespace steepest::tests {
namespace {

const std::string iris = std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv";
const std::string diamonds = std::string(STEEPEST_SOURCE_FOLDER) + "/data/diamonds.csv";
const std::string petals = iris + " --target petal_width --ignore species ";

TEST(LossesCommand, FitEvaluateAndPredictAgree) {
  const TemporaryFolder folder;
  for (const char* loss : {"huber:0.2", "quantile:0.9", "poisson"}) {
    const std::string model = folder.path("m.json");
    const CommandRun fit =
        run_command(folder, "fit " + petals + "--json --loss " + loss + " -o " + model);
    ASSERT_EQ(fit.exit_code, 0) << fit.err;
    const auto json = fit.json();
    EXPECT_EQ(json["model"]["loss"], loss);
    EXPECT_EQ(json["termination"]["converged"], true);
    const auto evaluated =
        run_command(folder, "evaluate " + model + " " + petals + "--json").json()["metrics"];
    ASSERT_EQ(evaluated.size(), json["metrics"]["train"].size());
    for (const auto& [name, value] : evaluated.items()) {
      EXPECT_NEAR(value.get<double>(), json["metrics"]["train"][name].get<double>(), 1e-5) << name;
    }
    EXPECT_EQ(evaluated.contains("pinball_loss"), std::string(loss) == "quantile:0.9");
    EXPECT_EQ(evaluated.contains("poisson_deviance"), std::string(loss) == "poisson");
    const CommandRun predicted = run_command(folder, "predict " + model + " " + iris);
    ASSERT_EQ(predicted.exit_code, 0) << predicted.err;
    // The first row: 5.1, 3.5, 1.4.
    const auto& coefficients = json["model"]["coefficients"][0];
    double score = json["model"]["intercept"][0].get<double>() +
                   5.1 * coefficients[0].get<double>() + 3.5 * coefficients[1].get<double>() +
                   1.4 * coefficients[2].get<double>();
    score = std::string(loss) == "poisson" ? std::exp(score) : score;
    EXPECT_NEAR(std::stod(predicted.out.substr(predicted.out.find('\n') + 1)), score, 1e-5);
  }
}

// The program of its last stage alone takes seconds: 30 rows a parameter, of 400 parameters.
TEST(LossesCommand, AQuantileFitEndsInTime) {
#ifdef STEEPEST_SANITIZED
  constexpr double most_seconds = 60.0;
#else
  constexpr double most_seconds = 5.0;
#endif
  const TemporaryFolder folder;
  const std::string data = folder.path("wide.csv");
  ASSERT_EQ(run_command(folder, "generate linear --rows 12000 --features 400 --noise 1 -o " + data)
                .exit_code,
            0);
  const CommandRun run = run_command(
      folder, "fit " + data + " --target y --loss quantile:0.3 --json --max-seconds 0.5");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto json = run.json();
  EXPECT_EQ(json["termination"]["reason"], "seconds");
  EXPECT_FALSE(json["termination"]["converged"].get<bool>());
  EXPECT_LT(json["seconds"]["train"].get<double>(), most_seconds);
}

TEST(LossesCommand, WhatIsWrongIsSaidInASentence) {
  const TemporaryFolder folder;
  const std::string negative = folder.write("n.csv", "x,y\n1,2\n2,3\n3,-4\n4,1\n");
  const std::string weights = folder.write("w.csv", "setosa,1\nversicolor,2\nrose,3\n");
  const std::string species = iris + " --target species ";
  struct Wrong {
    std::string arguments;
    int exit_code;
    const char* says;
  };
  for (const Wrong& wrong : {
           Wrong{petals + "--loss huber", 3, "huber:1.5"},
           Wrong{petals + "--loss huber:0", 3, "huber:1.5"},
           Wrong{petals + "--loss quantile:2", 3, "between 0 and 1"},
           Wrong{petals + "--loss pinball", 3, "quantile:Q"},
           Wrong{species + "--loss poisson", 2, ""},
           Wrong{negative + " --target y --loss poisson", 2, "row 3"},
           Wrong{petals + "--class-weight balanced", 3, "classes"},
           Wrong{petals + "--label-smoothing 0.1", 3, "classes"},
           Wrong{species + "--label-smoothing 1", 3, "below 1"},
           Wrong{species + "--class-weight " + weights, 2, "w.csv:3"},
           Wrong{species + "--class-weight " + folder.path("none.csv"), 2, "none.csv"},
       }) {
    const CommandRun run = run_command(folder, "fit " + wrong.arguments);
    EXPECT_EQ(run.exit_code, wrong.exit_code) << wrong.arguments << "\n" << run.err;
    EXPECT_NE(run.err.find(wrong.says), std::string::npos) << run.err;
    EXPECT_EQ(run.out, "");
  }
  EXPECT_EQ(run_command(folder, "find-rate " + petals + "--loss quantile:0.5").exit_code, 3);
}

TEST(LossesCommand, ClassWeightsAndSmoothingAreReported) {
  const TemporaryFolder folder;
  const std::string weights =
      folder.write("w.csv", "class,weight\nsetosa,1\nversicolor,2\nvirginica,0.5\n");
  const std::string model = folder.path("m.json");
  const CommandRun fit =
      run_command(folder, "fit " + iris + " --target species --json --label-smoothing 0.1 " +
                              "--class-weight " + weights + " -o " + model);
  ASSERT_EQ(fit.exit_code, 0) << fit.err;
  const auto json = fit.json();
  EXPECT_EQ(json["data"]["class_weights"]["versicolor"], 2.0);
  EXPECT_EQ(json["model"]["label_smoothing"], 0.1);
  EXPECT_EQ(nlohmann::json::parse(folder.read("m.json"))["label_smoothing"], 0.1);
  EXPECT_EQ(run_command(folder, "evaluate " + model + " " + iris + " --target species").exit_code,
            0);
  EXPECT_EQ(run_command(folder, "fit " + iris + " --target species --class-weight " + weights +
                                    " -o " + weights)
                .exit_code,
            3);
  // Balanced classes stay what they are.
  const auto balanced =
      run_command(folder, "fit " + iris + " --target species --json --class-weight balanced")
          .json();
  EXPECT_EQ(balanced["data"]["class_weights"]["setosa"], 1.0);
}

TEST(LossesCommand, SeparatedClassesAreNotCalledConverged) {
  const TemporaryFolder folder;
  const std::string data =
      folder.write("d.csv", "x,z,y\n1,3,a\n2,1,a\n3,2,a\n4,1,b\n5,3,b\n6,2,b\n");
  const auto json = run_command(folder, "fit " + data + " --target y --l2 0 --json").json();
  EXPECT_EQ(json["termination"]["reason"], "separable");
  EXPECT_EQ(json["termination"]["converged"], false);
  EXPECT_EQ(json["termination"]["gap_bound"], json["objective"]["total"]);
  const CommandRun page = run_command(folder, "fit " + data + " --target y --l2 0");
  EXPECT_EQ(page.exit_code, 0);
  EXPECT_NE(page.out.find("stopped, not converged: the classes are separated"), std::string::npos)
      << page.out;
}

TEST(LossesCommand, SweepsTakeThem) {
  const TemporaryFolder folder;
  for (const char* loss : {"huber:500", "poisson"}) {
    const CommandRun run = run_command(
        folder, "sweep " + diamonds + " --target price --features carat,depth --loss " + loss +
                    " --schedules constant --learning-rates 0.5/L,1/L --epochs 20 --json");
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const auto json = run.json();
    for (const auto& one : json["runs"]) {
      EXPECT_EQ(one["status"], "done") << run.out;
      EXPECT_GE(one["suboptimality"].get<double>(), 0.0);
    }
    EXPECT_EQ(run_command(folder, "find-rate " + diamonds +
                                      " --target price --features carat,depth --loss " + loss)
                  .exit_code,
              0);
  }
}

}  // namespace
}  // namespace steepest::tests
