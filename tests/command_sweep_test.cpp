// SPDX-License-Identifier: Apache-2.0
// sweep end to end: the contract of its output, its configuration file, its errors.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/run_command.hpp"

namespace steepest::tests {
namespace {

const std::string iris = std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv";

std::int64_t count_lines(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n');
}

TEST(SweepCommand, SavesItsStateBesideRowsToValidateOn) {
  const TemporaryFolder folder;
  const std::string line =
      std::string("sweep ") + STEEPEST_SOURCE_FOLDER +
      "/data/iris.csv --target species --valid-fraction 0.3 --epochs 5 "
      "--schedules constant,cosine --learning-rates 0.5/L --json --checkpoint " +
      folder.path("state");
  const CommandRun first = run_command(folder, line);
  ASSERT_EQ(first.exit_code, 0) << first.err;
  const CommandRun again = run_command(folder, line + " --resume");
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(again.json()["ranking"], first.json()["ranking"]);
  EXPECT_TRUE(first.json()["optimum"]["validation_loss"].is_number());
}

TEST(SweepCommand, JsonHasEveryKeyOfTheContract) {
  const TemporaryFolder folder;
  const CommandRun run = run_command(
      folder, "sweep " + iris +
                  " --target species --schedules constant,step:every=3,gamma=0.5,cosine"
                  " --learning-rates 0.1:1:log:3 --batch-size 32 --seeds 2 --epochs 4 --json"
                  " --curves " +
                  folder.path("c.csv") + " -o " + folder.path("r.json"));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto json = run.json();
  EXPECT_EQ(json["command"], "sweep");
  EXPECT_TRUE(json["optimum"]["objective"].is_number());
  EXPECT_NE(json["optimum"]["method"].get<std::string>().find("converged"), std::string::npos);
  EXPECT_EQ(json["curvature"]["two_over_bound"].get<double>(),
            2.0 / json["curvature"]["bound"].get<double>());
  ASSERT_EQ(json["runs"].size(), 18U);
  for (const auto& one : json["runs"]) {
    EXPECT_TRUE(one["schedule"].is_string());
    EXPECT_EQ(one["status"], "done");
    EXPECT_EQ(one["steps"], 20);
    EXPECT_NEAR(one["suboptimality"].get<double>(),
                one["final_objective"].get<double>() - json["optimum"]["objective"].get<double>(),
                1e-15);
    EXPECT_GE(one["seconds"].get<double>(), 0.0);
  }
  EXPECT_EQ(json["runs"][6]["schedule"], "step:every=3,gamma=0.5");
  EXPECT_NEAR(json["runs"][2]["learning_rate"].get<double>(), std::sqrt(0.1), 1e-15);
  EXPECT_EQ(json["runs"][1]["seed"], 1);
  EXPECT_EQ(json["ranking"].size(), 3U);
  EXPECT_EQ(nlohmann::json::parse(folder.read("r.json")), json);

  const std::string curves = folder.read("c.csv");
  EXPECT_EQ(curves.substr(0, curves.find('\n')),
            "run,schedule,learning_rate,batch_size,rule,seed,step,epoch,seconds,objective,"
            "suboptimality,learning_rate_now,validation_loss,bytes_read,validation_regret");
  EXPECT_EQ(count_lines(curves), 1 + 18 * 5);
  EXPECT_NE(curves.find("6,\"step:every=3,gamma=0.5\",0.1,32,gradient,0,0,0,"), std::string::npos);
}

TEST(SweepCommand, MeasuresValidationRows) {
  const TemporaryFolder folder;
  const std::string sweep = "sweep " + iris +
                            " --target species --schedules constant --epochs 4 --l2 0 --json"
                            " --learning-rates 0.5 ";
  const auto valid = run_command(folder, sweep + "--valid " + iris).json();
  EXPECT_NEAR(valid["runs"][0]["validation_loss"].get<double>(),
              valid["runs"][0]["final_objective"].get<double>(), 1e-12);
  const auto fraction = run_command(folder, sweep + "--valid-fraction 0.2").json();
  EXPECT_EQ(fraction["data"]["rows"], 120);
  EXPECT_TRUE(fraction["runs"][0]["validation_loss"].is_number());
  EXPECT_TRUE(run_command(folder, sweep).json()["runs"][0]["validation_loss"].is_null());
}

// The objective a sweep's best run ended at.
double best_objective(const nlohmann::json& sweep) {
  for (const auto& run : sweep["runs"]) {
    bool is_best = true;
    for (const char* key : {"schedule", "batch_size", "learning_rate", "rule", "seed"}) {
      is_best = is_best && run[key] == sweep["best"][key];
    }
    if (is_best) {
      return run["final_objective"].get<double>();
    }
  }
  return NAN;
}

// To the bit, whatever shapes the problem: from the file, and from the options it prints.
TEST(SweepCommand, TheBestRunIsMadeAgainByFit) {
  const TemporaryFolder folder;
  const std::string diamonds = std::string(STEEPEST_SOURCE_FOLDER) + "/data/diamonds.csv";
  const std::string petals = iris + " --ignore species --target petal_width";
  const std::string species = iris + " --target species";
  const std::pair<std::string, std::string> cases[] = {
      {species, "--batch-size full,16 --seeds 3"},
      {species, "--batch-size 16 --seeds 4,5 --seed 9 --valid-fraction 0.2"},
      {species, "--batch-size full --valid-fraction 0.3 --seeds 6,7 --device cpu"},
      {species, "--class-weight balanced --label-smoothing 0.1 --l2 0.01 --batch-size 20"},
      {species, "--l1 0.02 --l2 0 --rules gradient,nesterov:0.8 --precision fp32"},
      {species, "--no-standardize --no-intercept --shuffle full --batch-size 7 --epochs 3"},
      {petals, "--constraint box:-0.1:0.3 --rules gradient,momentum:0.5"},
      {petals, "--l1 0.05 --l2 0.01 --batch-size full,32"},
      {petals, "--constraint simplex --batch-size full,32"},
      {petals, "--loss huber:0.2 --batch-size full,32 --prune --seeds 2"},
      {petals, "--rules adam,adagrad --batch-size 10"},
      {diamonds + " --target price --categorical cut,color,clarity",
       "--batch-size full,1000 --epochs 3 --rules gradient,momentum:0.5"},
      {diamonds + " --target price --features carat,x,y,z", "--loss poisson --epochs 3 --l2 0.1"},
  };
  for (const auto& [data, options] : cases) {
    SCOPED_TRACE(options);
    const std::string best = folder.path("best.json");
    std::string arguments = data + " --schedules cosine,wsd,silver";
    arguments += " --learning-rates 0.125/L:1/L:log:4 --json --best " + best;
    arguments += (options.find("--epochs") == std::string::npos ? " --epochs 12 " : " ") + options;
    const CommandRun sweep = run_command(folder, "sweep " + arguments);
    ASSERT_EQ(sweep.exit_code, 0) << sweep.err;
    const double expected = best_objective(sweep.json());
    const std::string file = data.substr(0, data.find(' '));
    const CommandRun again = run_command(folder, "fit " + file + " --json --config " + best);
    ASSERT_EQ(again.exit_code, 0) << again.err;
    EXPECT_EQ(again.json()["objective"]["total"].get<double>(), expected);
    const auto target = nlohmann::json::parse(folder.read("best.json"))["target"];
    const CommandRun told =
        run_command(folder, "fit " + file + " --json --target " + target.get<std::string>() + " " +
                                sweep.json()["best"]["fit_options"].get<std::string>());
    ASSERT_EQ(told.exit_code, 0) << told.err;
    EXPECT_EQ(told.json()["objective"]["total"].get<double>(), expected);
    EXPECT_EQ(told.json()["model"], again.json()["model"]);
  }
}

TEST(SweepCommand, ConfigurationFileAndCommandLine) {
  const TemporaryFolder folder;
  const std::string config = folder.write(
      "sweep.json",
      R"({"schedules": ["constant", "step:every=2,gamma=0.5"], "learning_rates": [0.5, "1/L"],
          "batch_sizes": [30, "full"], "seeds": [7], "epochs": 3, "target": "species"})");
  const CommandRun run =
      run_command(folder, "sweep " + iris + " --config " + config + " --epochs 2 --json");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto json = run.json();
  EXPECT_EQ(json["runs"].size(), 8U);
  EXPECT_EQ(json["problem"]["epochs"], 2);
  EXPECT_EQ(json["runs"][0]["seed"], 7);
  EXPECT_EQ(json["runs"][7]["learning_rate_times_curvature"], 1.0);

  static_cast<void>(
      folder.write("sweep.json", R"({"schedules": "constant", "lerning_rates": "0.1"})"));
  const CommandRun unknown = run_command(folder, "sweep " + iris + " --config " + config);
  EXPECT_EQ(unknown.exit_code, 3);
  EXPECT_NE(unknown.err.find("\"lerning_rates\" is not known: use "), std::string::npos);
  EXPECT_NE(unknown.err.find("learning_rates"), std::string::npos) << unknown.err;
  static_cast<void>(folder.write("sweep.json", R"({"epochs": 2, "epochs": 3})"));
  EXPECT_EQ(run_command(folder, "sweep " + iris + " --config " + config).exit_code, 3);
  static_cast<void>(folder.write("sweep.json", R"({"schedules": [true]})"));
  EXPECT_EQ(run_command(folder, "sweep " + iris + " --config " + config).exit_code, 3);
  static_cast<void>(folder.write("sweep.json", R"({"schedules": )"));
  EXPECT_EQ(run_command(folder, "sweep " + iris + " --config " + config).exit_code, 2);
  static_cast<void>(folder.write("sweep.json", "[]"));
  EXPECT_EQ(run_command(folder, "sweep " + iris + " --config " + config).exit_code, 2);
  EXPECT_EQ(run_command(folder, "sweep " + iris + " --config " + folder.path("no")).exit_code, 2);
}

TEST(SweepCommand, DryRunRunsNothing) {
  const TemporaryFolder folder;
  const std::string arguments =
      "sweep " + iris + " --target species --dry-run -o " + folder.path("r.json");
  const CommandRun text = run_command(folder, arguments);
  ASSERT_EQ(text.exit_code, 0) << text.err;
  EXPECT_NE(text.out.find("42 runs of 10 epochs in 1 banks"), std::string::npos) << text.out;
  EXPECT_EQ(folder.entries(), 0);
  const auto json = run_command(folder, arguments + " --json").json();
  EXPECT_EQ(json["runs"].size(), 42U);
  EXPECT_EQ(json["dry_run"], true);
  EXPECT_EQ(json["passes"], 11.0);
}

TEST(SweepCommand, DryRunShowsFactorsAsNumbers) {
  const TemporaryFolder folder;
  const CommandRun run = run_command(
      folder, "sweep " + iris +
                  " --target species --dry-run --schedules constant,dog --learning-rates 0.5/L");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_NE(run.out.find("constant, gradient, rate 0.5/L\n"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("gradient, rate 0.5\n"), std::string::npos) << run.out;
}

TEST(SweepCommand, TakesAClipNorm) {
  const TemporaryFolder folder;
  const std::string arguments = "sweep " + iris +
                                " --target species --schedules constant --learning-rates 0.5/L"
                                " --epochs 5 --json --clip-norm ";
  const double clipped =
      run_command(folder, arguments + "0.01").json()["runs"][0]["final_objective"];
  const double free = run_command(folder, arguments + "1000").json()["runs"][0]["final_objective"];
  EXPECT_GT(clipped, 1.02 * free);
  const CommandRun refused = run_command(folder, arguments + "0");
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_NE(refused.err.find("--clip-norm must be a number above 0"), std::string::npos);
}

TEST(SweepCommand, DivergenceIsRecorded) {
  const TemporaryFolder folder;
  const std::string sweep = "sweep " + iris +
                            " --target petal_width --ignore species --schedules constant"
                            " --epochs 300 --json --learning-rates ";
  const CommandRun some = run_command(folder, sweep + "1/L,3/L");
  EXPECT_EQ(some.exit_code, 0) << some.err;
  EXPECT_EQ(some.json()["runs"][1]["status"], "diverged");
  EXPECT_TRUE(some.json()["runs"][1]["suboptimality"].is_null());
  EXPECT_EQ(some.json()["ranking"][0]["diverged"], 1);
  EXPECT_EQ(some.json()["ranking"][0]["status"], "done");
  const CommandRun all = run_command(folder, sweep + "9/L");
  EXPECT_EQ(all.exit_code, 5);
  EXPECT_TRUE(all.json()["best"].is_null());
  EXPECT_EQ(all.json()["ranking"][0]["status"], "diverged");
}

// DoG's rate is a factor of the one it finds: no multiple of 1/L, whatever the grid is in.
TEST(SweepCommand, AFactorIsNoRateOverTheCurvature) {
  const TemporaryFolder folder;
  const CommandRun run =
      run_command(folder, "sweep " + iris +
                              " --target petal_width --ignore species --schedules constant,dog"
                              " --epochs 2 --json --learning-rates 0.5/L");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto runs = run.json()["runs"];
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0]["learning_rate_times_curvature"], 0.5);
  EXPECT_TRUE(runs[1]["learning_rate_times_curvature"].is_null());
  EXPECT_EQ(runs[1]["learning_rate"], 0.5);
}

TEST(SweepCommand, RefusesBadOptionsWithTheValidOnes) {
  const TemporaryFolder folder;
  const std::pair<const char*, const char*> cases[] = {
      {"--schedules zigzag", "constant, step"},
      {"--schedules cosine:gamma=2", "minimum"},
      {"--learning-rates 0.1:1:log", "LO:HI:log:COUNT"},
      {"--learning-rates 1:0.1:log:3", "must not be above"},
      {"--learning-rates 0.1:1/L:log:3", "/L"},
      {"--learning-rates 0", "above 0"},
      {"--learning-rates 0.1:1:log:0", "at least 1"},
      {"--learning-rates x/L", "not a number"},
      {"--batch-size 0", "--batch-size"},
      {"--batch-size 8 --rules accelerated", "accelerated"},
      {"--rules adamant", "gradient, momentum:M"},
      {"--seeds 0", "--seeds"},
      {"--epochs 0", "--epochs"},
      {"--points 1", "--points"},
      {"--l1 -1", "--l1"},
      {"--l1 0.1 --rules averaged", "averaged"},
      {"--constraint ball", "nonnegative"},
      {"--constraint simplex --rules adam", "simplex"},
      {"--loss hinge", "poisson, logistic or softmax"},
  };
  for (const auto& [options, said] : cases) {
    const CommandRun run =
        run_command(folder, "sweep " + iris + " --target species --epochs 2 " + options);
    EXPECT_EQ(run.exit_code, 3) << options << run.err;
    EXPECT_NE(run.err.find(said), std::string::npos) << options << " " << run.err;
  }
  EXPECT_EQ(run_command(folder, "sweep " + iris).exit_code, 3);
  EXPECT_EQ(run_command(folder, "sweep nothing.csv --target y").exit_code, 2);
}

TEST(FindRateCommand, TextAndJson) {
  const TemporaryFolder folder;
  const std::string command = "find-rate " + iris + " --target species --batch-size 16 --steps 100";
  const CommandRun text = run_command(folder, command);
  ASSERT_EQ(text.exit_code, 0) << text.err;
  EXPECT_NE(text.out.find("above 2/L ="), std::string::npos) << text.out;
  const auto json = run_command(folder, command + " --json").json();
  EXPECT_EQ(json["command"], "find-rate");
  EXPECT_GT(json["suggested_learning_rate"].get<double>(), 0.0);
  EXPECT_EQ(json["problem"]["batch_size"], 16);
  EXPECT_GE(json["points"].size(), 10U);
  EXPECT_EQ(run_command(folder, command + " --from 3 --to 1").exit_code, 3);
  EXPECT_EQ(run_command(folder, command + " --from 1,2").exit_code, 3);
  EXPECT_EQ(run_command(folder, "find-rate " + iris).exit_code, 3);
}

}  // namespace
}  // namespace steepest::tests
