// SPDX-License-Identifier: Apache-2.0
// --config: whatever fit can be told on the command line, a file can tell it.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "tests/run_command.hpp"

namespace steepest::tests {
namespace {

using nlohmann::json;

const std::string iris = std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv";

// Long options as --help lists them, one a line.
std::set<std::string> options_of(const TemporaryFolder& folder, const std::string& command) {
  std::set<std::string> options;
  std::istringstream help(run_command(folder, command + " --help").out);
  for (std::string line; std::getline(help, line);) {
    const std::size_t begin = line.find("--");
    const std::size_t first = line.find_first_not_of(' ');
    if (begin == std::string::npos || (first != begin && line[first] != '-')) {
      continue;
    }
    const std::size_t end = line.find_first_of(" ,=[", begin);
    options.insert(line.substr(begin, end - begin));
  }
  return options;
}

std::string key_of(std::string option) {
  option.erase(0, 2);
  std::replace(option.begin(), option.end(), '-', '_');
  return option;
}

// What a run has found, without times.
json found_by(const CommandRun& run) {
  const json all = run.json();
  json found;
  for (const char* key : {"data", "model", "objective", "termination", "steps", "epochs", "metrics",
                          "path", "inference"}) {
    found[key] = all.contains(key) ? all[key] : json();
  }
  if (found["path"].is_object()) {
    found["path"].erase("seconds");
  }
  return found;
}

TEST(ConfigFile, KnowsEveryOptionOfFitAndSweep) {
  const TemporaryFolder folder;
  for (const std::string command : {"fit", "sweep"}) {
    const std::set<std::string> options = options_of(folder, command);
    EXPECT_GT(options.size(), 40U);
    for (const std::string& option : options) {
      if (option == "--help" || option == "--config") {
        continue;
      }
      const std::string config =
          folder.write("config.json", json{{key_of(option), json::array()}}.dump());
      const CommandRun run =
          run_command(folder, command + " " + folder.path("none.csv") + " --config " + config);
      EXPECT_EQ(run.err.find("key \"" + key_of(option)), std::string::npos) << run.err;
    }
  }
}

TEST(ConfigFile, SaysWhatTheCommandLineSays) {
  const TemporaryFolder folder;
  const std::vector<std::pair<std::string, json>> cases = {
      {"--l2 0.01", {{"l2", 0.01}}},
      {"--l1 0.02", {{"l1", 0.02}}},
      {"--constraint box:-1:1", {{"constraint", "box:-1:1"}}},
      {"--loss logistic --ignore sepal_length",
       {{"loss", "logistic"}, {"ignore", json::array({"sepal_length"})}}},
      {"--class-weight balanced --label-smoothing 0.1",
       {{"class_weight", "balanced"}, {"label-smoothing", 0.1}}},
      {"--rule nesterov:0.8 --schedule step:every=3,gamma=0.5 --learning-rate 0.1 --epochs 9",
       {{"rule", "nesterov:0.8"},
        {"schedule", "step:every=3,gamma=0.5"},
        {"learning_rate", 0.1},
        {"epochs", 9}}},
      {"--batch-size 16 --epochs 3 --shuffle full --seed 4 --clip-norm 0.5",
       {{"batch_size", 16}, {"epochs", 3}, {"shuffle", "full"}, {"seed", 4}, {"clip_norm", 0.5}}},
      {"--preconditioner none --tolerance-gradient 1e-3",
       {{"preconditioner", "none"}, {"tolerance_gradient", 1e-3}}},
      {"--tolerance-loss 1e-4 --patience 3", {{"tolerance_loss", 1e-4}, {"patience", 3}}},
      {"--tolerance-step 1e-3 --tolerance-gap 1e-3",
       {{"tolerance_step", 1e-3}, {"tolerance_gap", 1e-3}}},
      {"--precision fp32 --storage bfloat16", {{"precision", "fp32"}, {"storage", "bfloat16"}}},
      {"--no-standardize --no-intercept", {{"no_standardize", true}, {"no_intercept", true}}},
      {"", {{"no_standardize", false}, {"inference", false}, {"stop_on_validation", false}}},
      {"--inference", {{"inference", true}}},
      {"--valid-fraction 0.3 --valid-seed 5", {{"valid_fraction", 0.3}, {"valid_seed", 5}}},
      {"--valid-fraction 0.3 --stop-on-validation",
       {{"valid_fraction", 0.3}, {"stop_on_validation", true}}},
      {"--valid-fraction 0.3 --stop-on-validation 2",
       {{"valid_fraction", 0.3}, {"stop_on_validation", 2}}},
      {"--l2 1e-3:1:log:3 --folds 4 --pick one-se",
       {{"l2", "1e-3:1:log:3"}, {"folds", 4}, {"pick", "one-se"}}},
      {"--features petal_length,petal_width --threads 1 --device cpu",
       {{"features", {"petal_length", "petal_width"}}, {"threads", 1}, {"device", "cpu"}}},
      {"--header yes --delimiter , --na x,y --missing mean --on-bad-row skip",
       {{"header", "yes"},
        {"delimiter", ","},
        {"na", {"x", "y"}},
        {"missing", "mean"},
        {"on_bad_row", "skip"}}},
  };
  // Versicolor and virginica for logistic, all three else.
  std::string two;
  std::istringstream lines(folder.read(iris));
  for (std::string line; std::getline(lines, line);) {
    two += line.find("setosa") == std::string::npos ? line + "\n" : "";
  }
  const std::string two_path = folder.write("two.csv", two);
  for (const auto& [arguments, values] : cases) {
    SCOPED_TRACE(arguments);
    const std::string data = arguments.find("logistic") == std::string::npos ? iris : two_path;
    const std::string fit = "fit " + data + " --target species --json ";
    const CommandRun told = run_command(folder, fit + arguments);
    ASSERT_EQ(told.exit_code, 0) << told.err;
    const std::string config = folder.write("config.json", values.dump());
    const CommandRun read = run_command(folder, fit + "--config " + config);
    ASSERT_EQ(read.exit_code, 0) << read.err;
    EXPECT_EQ(found_by(read), found_by(told));
  }
}

TEST(ConfigFile, WritesTheFilesItNames) {
  const TemporaryFolder folder;
  const json values = {{"target", "species"},
                       {"output", folder.path("model.json")},
                       {"history", folder.path("h.csv")},
                       {"report", folder.path("p.html")},
                       {"json", true},
                       {"quiet", true},
                       {"checkpoint", folder.path("c")},
                       {"checkpoint_every", "5steps"}};
  const std::string config = folder.write("config.json", values.dump());
  const CommandRun run = run_command(folder, "fit " + iris + " --config " + config);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.err, "");
  EXPECT_EQ(run.json()["command"], "fit");
  for (const char* name : {"model.json", "h.csv", "p.html"}) {
    EXPECT_GT(folder.read(name).size(), 100U) << name;
  }
}

TEST(ConfigFile, RefusesValuesOfAnotherKind) {
  const TemporaryFolder folder;
  for (const char* text : {R"({"epochs": true})", R"({"inference": "yes"})", R"({"inference": 1})",
                           R"({"stop_on_validation": 0})", R"({"stop_on_validation": "soon"})",
                           R"({"threads": 0})", R"({"seed": -1})", R"({"l2": {"a": 1}})"}) {
    const std::string config = folder.write("config.json", text);
    const CommandRun run = run_command(
        folder, "fit " + iris + " --target species --valid-fraction 0.2 --config " + config);
    EXPECT_EQ(run.exit_code, 3) << text << run.err;
  }
}

}  // namespace
}  // namespace steepest::tests
