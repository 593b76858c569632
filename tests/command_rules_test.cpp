// SPDX-License-Identifier: Apache-2.0
// fit and sweep with adaptive and averaging rules, an l1 penalty, constraints and clipping.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/refusal.hpp"
#include "tests/run_command.hpp"

namespace steepest::tests {
namespace {

const std::string iris = std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv";
const std::string diamonds = std::string(STEEPEST_SOURCE_FOLDER) +
                             "/data/diamonds.csv --target price --categorical cut,color,clarity";

TEST(RuleCommand, L1GivesExactZerosAndCountsThem) {
  const TemporaryFolder folder;
  const std::string fit = "fit " + diamonds + " --l1 100 ";
  const CommandRun run = run_command(folder, fit + "--json -o " + folder.path("m.json"));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto json = run.json();
  std::int64_t others = 0;
  for (const auto& b : json["model"]["coefficients"][0]) {
    others += b.get<double>() != 0.0 ? 1 : 0;
  }
  EXPECT_EQ(json["model"]["nonzero_coefficients"], others);
  EXPECT_GT(others, 3);
  EXPECT_LT(others, 20);
  EXPECT_EQ(json["model"]["l1"], 100.0);
  EXPECT_EQ(json["objective"]["l1"], 100.0);
  EXPECT_EQ(json["termination"]["reason"], "gradient");
  EXPECT_LT(json["termination"]["gap_bound"].get<double>(),
            1e-9 * json["objective"]["total"].get<double>());
  EXPECT_EQ(nlohmann::json::parse(folder.read("m.json"))["l1"], 100.0);
  const CommandRun text = run_command(folder, fit);
  EXPECT_NE(text.out.find(std::to_string(others) + " of 23 are not 0"), std::string::npos)
      << text.out;
  EXPECT_NE(text.out.find("l1 100"), std::string::npos);
}

TEST(RuleCommand, ConstraintsAreInTheUnitsOfTheInput) {
  const TemporaryFolder folder;
  const CommandRun box =
      run_command(folder, "fit " + diamonds + " --constraint box:-100:500 --json");
  ASSERT_EQ(box.exit_code, 0) << box.err;
  int at_bounds = 0;
  const auto boxed = box.json();
  for (const auto& b : boxed["model"]["coefficients"][0]) {
    EXPECT_GE(b.get<double>(), -100.0);
    EXPECT_LE(b.get<double>(), 500.0);
    at_bounds += b == -100.0 || b == 500.0 ? 1 : 0;
  }
  EXPECT_GT(at_bounds, 0);
  const CommandRun simplex = run_command(
      folder, "fit " + iris + " --target petal_width --ignore species --constraint simplex --json");
  ASSERT_EQ(simplex.exit_code, 0) << simplex.err;
  double sum = 0.0;
  const auto mixed = simplex.json();
  for (const auto& b : mixed["model"]["coefficients"][0]) {
    EXPECT_GE(b.get<double>(), 0.0);
    sum += b.get<double>();
  }
  EXPECT_NEAR(sum, 1.0, 1e-12);
  EXPECT_EQ(mixed["model"]["constraint"], "simplex");
}

// A column that never changes keeps 0, though the box does not hold it.
TEST(RuleCommand, DroppedColumnsKeepZeroInABox) {
  const TemporaryFolder folder;
  const std::string data =
      folder.write("d.csv", "a,b,c,y\n1,7,2,3\n2,7,1,4\n3,7,5,9\n4,7,3,8\n9,7,9,1\n");
  const std::string fit = "fit " + data + " --target y --constant drop --quiet --constraint ";
  const CommandRun box = run_command(folder, fit + "box:1:2 --json");
  ASSERT_EQ(box.exit_code, 0) << box.err;
  EXPECT_EQ(box.json()["model"]["coefficients"][0][1], 0.0);
  EXPECT_GE(box.json()["model"]["coefficients"][0][0].get<double>(), 1.0);
  const CommandRun simplex = run_command(folder, fit + "simplex");
  EXPECT_EQ(simplex.exit_code, 3);
  EXPECT_NE(simplex.err.find("--ignore"), std::string::npos) << simplex.err;
}

// With nothing given but the rule, on rows and on batches, on real data of both kinds.
TEST(RuleCommand, AdaptiveRulesEndWellByDefault) {
  const TemporaryFolder folder;
  for (const std::string& problem : {diamonds, iris + " --target species"}) {
    const double least =
        run_command(folder, "fit " + problem + " --json").json()["objective"]["total"];
    for (const char* rule :
         {"adagrad", "rmsprop", "adam", "adamw:0", "averaged", "schedule_free"}) {
      for (const char* batch : {"full", "32"}) {
        std::string arguments = "fit " + problem + " --json --quiet --rule " + rule;
        arguments += std::string(" --batch-size ") + batch;
        const bool large = problem == diamonds && batch != std::string("full");
        const CommandRun run = run_command(folder, arguments + (large ? " --epochs 10" : ""));
        ASSERT_EQ(run.exit_code, 0) << arguments << run.err;
        // A mean of all points remembers the start: 1 / t of it is left.
        const double most = rule == std::string("averaged") ? 1.04 : 1.02;
        EXPECT_LE(run.json()["objective"]["total"].get<double>(), most * least) << arguments;
      }
    }
  }
}

TEST(RuleCommand, SweepsTakeTheSameRulesSideBySide) {
  const TemporaryFolder folder;
  const CommandRun run = run_command(
      folder, "sweep " + iris +
                  " --target species --schedules cosine --learning-rates 0.05 --batch-size 16"
                  " --epochs 20 --json --rules gradient,momentum,adagrad,rmsprop,adam:0.9:0.99,"
                  "adamw:0.001,averaged,schedule_free");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto json = run.json();
  ASSERT_EQ(json["runs"].size(), 8U);
  for (const auto& one : json["runs"]) {
    EXPECT_EQ(one["status"], "done");
    EXPECT_GE(one["suboptimality"].get<double>(), 0.0);
    EXPECT_LT(one["suboptimality"].get<double>(), 0.5) << one["rule"];
  }
  EXPECT_EQ(json["runs"][4]["rule"], "adam:0.9:0.99");
}

class RefusalTest : public testing::TestWithParam<Refusal> {};

TEST_P(RefusalTest, ExitThreeAndOneSentence) { expect_refused(GetParam()); }

INSTANTIATE_TEST_SUITE_P(
    Options, RefusalTest,
    testing::Values(Refusal{"L1", "--l1 -1", "--l1"}, Refusal{"L1Text", "--l1 x", "--l1"},
                    Refusal{"Clip", "--clip-norm 0", "--clip-norm"},
                    Refusal{"ClipLbfgs", "--clip-norm 1 --rule lbfgs", "--clip-norm"},
                    Refusal{"Constraint", "--constraint ball", "none, nonnegative, box:A:B or"},
                    Refusal{"EmptyBox", "--constraint box:2:1", "A must not be above B"},
                    Refusal{"Lbfgs", "--l1 0.1 --rule lbfgs", "--rule auto"},
                    Refusal{"Metric", "--l1 0.1 --preconditioner second-moment", "--l1"},
                    Refusal{"Average", "--l1 0.1 --rule averaged", "average"},
                    Refusal{"AdamSimplex", "--constraint simplex --rule adam", "simplex"},
                    Refusal{"AdamMetric", "--rule adam --preconditioner second-moment", "metric"},
                    Refusal{"Adam", "--rule adam:0.9", "adam:0.9:0.999"},
                    Refusal{"Adamw", "--rule adamw:-1", "below 0"}),
    name_of_refusal);

}  // namespace
}  // namespace steepest::tests
