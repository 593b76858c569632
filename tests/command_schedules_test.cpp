// SPDX-License-Identifier: Apache-2.0
// fit, sweep and explore by schedules that find their rate, as a user names them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/refusal.hpp"
#include "tests/run_command.hpp"

namespace steepest::tests {
namespace {

const std::string iris = std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv";

// With the schedule alone, on numbers and on classes. The target of polyak is in the units of the
// input.
TEST(ScheduleCommand, FitReachesTheOptimumByTheScheduleAlone) {
  const TemporaryFolder folder;
  for (const std::string& problem :
       {iris + " --target petal_width --ignore species", iris + " --target species --l2 0.05"}) {
    const double least =
        run_command(folder, "fit " + problem + " --json").json()["objective"]["total"];
    for (const std::string& schedule :
         {std::string("barzilai_borwein"), std::string("barzilai_borwein:quotient=short"),
          fmt::format("polyak:target={}", least), std::string("sps"), std::string("adgd"),
          std::string("hypergradient"), std::string("dog"), std::string("d_adaptation"),
          std::string("prodigy"), std::string("armijo"), std::string("adgd:warmup=10")}) {
      const std::string arguments = "fit " + problem + " --json --quiet --schedule " + schedule;
      const CommandRun run = run_command(folder, arguments);
      ASSERT_EQ(run.exit_code, 0) << arguments << run.err;
      const auto json = run.json();
      const double found = json["objective"]["total"].get<double>();
      EXPECT_GE(found, least * (1 - 1e-7)) << arguments;
      EXPECT_LE(found, least * (1 + 1e-4)) << arguments;
      EXPECT_EQ(json["method"]["rule"], schedule == "prodigy" ? "adam:0.9:0.999" : "gradient");
    }
  }
}

TEST(ScheduleCommand, SaysOfATargetThatItIsNotTheOptimum) {
  const TemporaryFolder folder;
  const std::string fit =
      "fit " + iris + " --target species --l2 0.05 --json --schedule polyak:target=";
  const double least = run_command(folder, "fit " + iris + " --target species --l2 0.05 --json")
                           .json()["objective"]["total"];
  const CommandRun low = run_command(folder, fit + fmt::format("{}", 0.5 * least));
  EXPECT_NE(low.err.find("above its target"), std::string::npos) << low.err;
  EXPECT_NE(low.err.find("steps too long"), std::string::npos) << low.err;
  const CommandRun high = run_command(folder, fit + fmt::format("{}", 1.5 * least));
  EXPECT_NE(high.err.find("where steps end"), std::string::npos) << high.err;
  EXPECT_FALSE(high.json()["termination"]["converged"].get<bool>());
  const CommandRun right = run_command(folder, fit + fmt::format("{}", least));
  EXPECT_EQ(right.err.find("target"), std::string::npos) << right.err;
}

TEST(ScheduleCommand, BatchesGoNearTheOptimum) {
  const TemporaryFolder folder;
  const std::string problem = iris + " --target species --l2 0.05";
  const double least =
      run_command(folder, "fit " + problem + " --json").json()["objective"]["total"];
  for (const char* schedule : {"sps", "hypergradient", "dog", "d_adaptation", "prodigy", "armijo",
                               "sgd_bb", "sgd_bb:every=10,share=0.2"}) {
    const std::string arguments =
        "fit " + problem + " --json --quiet --batch-size 30 --epochs 300 --schedule " + schedule;
    const CommandRun run = run_command(folder, arguments);
    ASSERT_EQ(run.exit_code, 0) << arguments << run.err;
    const double found = run.json()["objective"]["total"].get<double>();
    EXPECT_LE(found, least * 1.05) << arguments;
  }
}

// Each by the rule it is for, unless rules are named.
TEST(ScheduleCommand, SweepsGiveEachItsRule) {
  const TemporaryFolder folder;
  const std::string sweep = "sweep " + iris +
                            " --target species --learning-rates 1/L --epochs 60 --json "
                            "--quiet --schedules constant,adgd,prodigy:start=0.01,armijo";
  const CommandRun run = run_command(folder, sweep);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto json = run.json();
  ASSERT_EQ(json["runs"].size(), 4U);
  EXPECT_EQ(json["runs"][1]["rule"], "gradient");
  EXPECT_EQ(json["runs"][2]["rule"], "adam:0.9:0.999");
  EXPECT_EQ(json["runs"][2]["learning_rate"], 1.0);  // a factor has no unit
  for (const auto& one : json["runs"]) {
    EXPECT_EQ(one["status"], "done");
    EXPECT_GE(one["suboptimality"].get<double>(), 0.0);
  }
  const CommandRun refused = run_command(folder, sweep + " --rules gradient");
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_NE(refused.err.find("--rule adam"), std::string::npos) << refused.err;
}

TEST(ScheduleCommand, ExploreTakesThem) {
  const TemporaryFolder folder;
  for (const char* schedule :
       {"barzilai_borwein", "armijo", "adgd", "polyak:target=1", "plateau"}) {
    const CommandRun run = run_command(
        folder, std::string("explore '(x - 2)^2 + 3*(y + 1)^2 + 1' --start 0,0 --steps 400 --json "
                            "--schedule ") +
                    schedule);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    EXPECT_NE(run.out.find("\"lands\""), std::string::npos) << schedule << run.out;
  }
  const CommandRun risk = run_command(folder, "explore 'x^2' --schedule risk_adaptive");
  EXPECT_EQ(risk.exit_code, 3);
}

TEST(ScheduleCommand, HelpNamesThem) {
  const TemporaryFolder folder;
  const CommandRun help = run_command(folder, "fit --help");
  for (const char* name : {"barzilai_borwein", "polyak", "sps", "adgd", "hypergradient", "dog",
                           "d_adaptation", "prodigy", "armijo", "sgd_bb"}) {
    EXPECT_NE(help.out.find(name), std::string::npos) << name;
  }
}

class ScheduleRefusal : public testing::TestWithParam<Refusal> {};

TEST_P(ScheduleRefusal, ExitThreeAndOneSentence) { expect_refused(GetParam()); }

INSTANTIATE_TEST_SUITE_P(
    Options, ScheduleRefusal,
    testing::Values(
        Refusal{"Batches", "--schedule adgd --batch-size 10", "--batch-size full"},
        Refusal{"PolyakBatches", "--schedule polyak:target=0 --batch-size 10", "use sps"},
        Refusal{"Passes", "--schedule sgd_bb --batch-size full", "use barzilai_borwein"},
        Refusal{"Target", "--schedule polyak", "polyak:target=VALUE"},
        Refusal{"Momentum", "--schedule adgd --rule momentum", "--rule gradient"},
        Refusal{"Prodigy", "--schedule prodigy --rule gradient", "--rule adam"},
        Refusal{"L1", "--schedule dog --l1 0.1", "--l1"},
        Refusal{"Box", "--schedule armijo --constraint nonnegative", "--constraint"},
        Refusal{"Clip", "--schedule sps --clip-norm 1", "--clip-norm"},
        Refusal{"Metric", "--schedule adgd --preconditioner second-moment", "--preconditioner"},
        Refusal{"Key", "--schedule armijo:speed=1",
                "its keys are c, gamma, growth, warmup or horizon"},
        Refusal{"Parts", "--schedule constant:until=5/adgd", "cannot be one part of several"},
        Refusal{"Unknown", "--schedule line_search", "prodigy, armijo or sgd_bb"}),
    name_of_refusal);

}  // namespace
}  // namespace steepest::tests
