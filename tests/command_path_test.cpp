// SPDX-License-Identifier: Apache-2.0
// fit with a path of penalties, with folds, with a model to begin at, with validation rows to stop
// by.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/run_command.hpp"

namespace steepest::tests {
namespace {

using nlohmann::json;

const std::string data_folder = STEEPEST_SOURCE_FOLDER "/data/";
const std::string iris = data_folder + "iris.csv";

TEST(PathCommand, PicksByFoldsAndTellsInBothWays) {
  const TemporaryFolder folder;
  const std::string fit = "fit " + iris + " --target species --l2 1e-5:1:log:6 --folds 5";
  const CommandRun run = run_command(folder, fit + " --pick one-se --json");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json result = run.json();
  const json& path = result["path"];
  ASSERT_EQ(path["points"].size(), 6U);
  EXPECT_EQ(path["points"][0]["l2"], 1e-5);
  EXPECT_EQ(path["points"][5]["l2"], 1.0);
  EXPECT_EQ(path["picked"], path["one_standard_error"]);
  EXPECT_EQ(result["model"]["l2"], path["picked"]);
  EXPECT_GE(path["one_standard_error"].get<double>(), path["best"].get<double>());
  for (const json& point : path["points"]) {
    EXPECT_EQ(point["fold_losses"].size(), 5U);
    EXPECT_GT(point["standard_error"].get<double>(), 0.0);
  }
  EXPECT_EQ(run_command(folder, fit + " --pick one-se --json --threads 1").json()["path"]["points"],
            path["points"]);
  const CommandRun page = run_command(folder, fit);
  EXPECT_NE(page.out.find("std error"), std::string::npos) << page.out;
  EXPECT_NE(page.out.find("best <-"), std::string::npos) << page.out;
  EXPECT_EQ(page.out.find("nan"), std::string::npos) << page.out;
}

TEST(PathCommand, ValidationRowsChoose) {
  const TemporaryFolder folder;
  const CommandRun run = run_command(
      folder, "fit " + iris + " --target species --l2 1e-4:10:log:5 --valid-fraction 0.3 --json");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const json result = run.json();
  double least = 1e300;
  for (const json& point : result["path"]["points"]) {
    least = std::min(least, point["validation_loss"].get<double>());
    EXPECT_TRUE(point["standard_error"].is_null());
  }
  EXPECT_NEAR(result["metrics"]["validation"]["log_loss"].get<double>(), least, 1e-5);
  EXPECT_TRUE(result["path"]["one_standard_error"].is_null());
}

TEST(PathCommand, WrongOptionsAreRefusedInOneSentence) {
  const TemporaryFolder folder;
  const std::string fit = "fit " + iris + " --target species ";
  for (const std::string wrong :
       {"--l2 1:2", "--l2 1e-3:1:log:0", "--l2 0:1:log:5", "--l2 2:1:log:5", "--l2 1e-3:1:log:5",
        "--l2 1e-3:1:log:5 --folds 1", "--l2 1e-3:1:log:5 --folds 151", "--folds two",
        "--l2 1e-3:1:log:5 --pick one-se --valid-fraction 0.2", "--pick worst",
        "--l2 1e-3:1:log:5 --folds 3 --valid-fraction 0.2",
        "--l2 1e-3:1:log:5 --folds 3 --rule lbfgs", "--folds 3 --batch-size 10",
        "--folds 3 --inference", "--stop-on-validation",
        "--stop-on-validation 0 --valid-fraction 0.2"}) {
    const CommandRun run = run_command(folder, fit + wrong);
    EXPECT_EQ(run.exit_code, 3) << wrong << "\n" << run.err;
    EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << wrong << "\n" << run.err;
    EXPECT_TRUE(run.out.empty()) << run.out;
  }
}

TEST(WarmStart, AModelThatIsTheOptimumTakesNoStep) {
  const TemporaryFolder folder;
  const std::string model = folder.path("m.json");
  for (const std::string what :
       {"diamonds.csv --target price --categorical cut,color,clarity --l2 0.01",
        "diamonds.csv --target price --features carat,x --no-standardize --no-intercept",
        "longley.csv --target employed,unemployed", "iris.csv --target species --l2 0.01",
        "iris.csv --target species --l2 0.01 --no-standardize"}) {
    const std::string fit = "fit " + data_folder + what + " --precision fp64 --json ";
    const CommandRun cold = run_command(folder, fit + "-o " + model);
    ASSERT_EQ(cold.exit_code, 0) << cold.err;
    const CommandRun warm = run_command(folder, fit + "--init " + model);
    ASSERT_EQ(warm.exit_code, 0) << warm.err;
    EXPECT_LE(warm.json()["steps"].get<int>(), 1) << what;
    EXPECT_TRUE(warm.json()["termination"]["converged"].get<bool>());
    EXPECT_NEAR(warm.json()["objective"]["total"].get<double>(),
                cold.json()["objective"]["total"].get<double>(),
                1e-9 * cold.json()["objective"]["total"].get<double>());
  }
}

TEST(WarmStart, ColumnsMayStandInAnotherOrderAndLossesMayDiffer) {
  const TemporaryFolder folder;
  const std::string a =
      folder.write("a.csv", "p,q,y\n1,7,no\n2,3,yes\n4,4,no\n3,1,yes\n5,5,yes\n6,9,no\n");
  const std::string b =
      folder.write("b.csv", "q,y,p\n7,no,1\n3,yes,2\n4,no,4\n1,yes,3\n5,yes,5\n9,no,6\n");
  const std::string model = folder.path("m.json");
  const std::string tail =
      " --target y --l2 0.1 --precision fp64 --tolerance-gradient 1e-10 --json";
  ASSERT_EQ(run_command(folder, "fit " + a + tail + " --loss logistic -o " + model).exit_code, 0);
  const CommandRun warm =
      run_command(folder, "fit " + b + tail + " --loss logistic --init " + model);
  ASSERT_EQ(warm.exit_code, 0) << warm.err;
  EXPECT_LE(warm.json()["steps"].get<int>(), 1);
  EXPECT_EQ(run_command(folder, "fit " + b + tail + " --loss softmax --init " + model).exit_code,
            0);
}

TEST(WarmStart, AModelOfOtherDataIsRefused) {
  const TemporaryFolder folder;
  const std::string model = folder.path("m.json");
  ASSERT_EQ(run_command(folder, "fit " + iris + " --target species -o " + model).exit_code, 0);
  const auto refused = [&](const std::string& arguments, const std::string& about) {
    const CommandRun run = run_command(folder, "fit " + arguments + " --init " + model);
    EXPECT_EQ(run.exit_code, 2) << run.err;
    EXPECT_NE(run.err.find(about), std::string::npos) << run.err;
  };
  refused(iris + " --target species --ignore petal_width", "\"petal_width\" is not in the data");
  refused(iris + " --target petal_width --ignore species", "same targets");
  refused(data_folder + "longley.csv --target employed", "same targets");
  const std::string two = folder.write(
      "two.csv",
      "sepal_length,sepal_width,petal_length,petal_width,species\n1,2,3,4,a\n2,3,4,4,b\n"
      "3,3,5,6,a\n4,4,5,7,b\n");
  refused(two + " --target species", "same classes");
  EXPECT_EQ(run_command(folder, "fit " + iris + " --target species --init " + iris).exit_code, 2);
}

// Few rows, many noise columns and no penalty: training goes on long after validation is at its
// best.
TEST(EarlyStopping, KeepsTheBestPoint) {
  const TemporaryFolder folder;
  const std::string data = folder.path("d.csv");
  ASSERT_EQ(run_command(folder,
                        "generate softmax --rows 300 --features 60 --classes 3 --noise 3"
                        " --seed 5 -o " +
                            data)
                .exit_code,
            0);
  const std::string model = folder.path("m.json");
  for (const std::string how : {"", " --batch-size 32 --epochs 60 --learning-rate 0.3"}) {
    const std::string fit =
        "fit " + data + " --target label --model softmax --l2 0" + how +
        " --valid-fraction 0.4 --seed 2 --json --stop-on-validation 5 --history " +
        folder.path("h.csv") + " -o " + model;
    const CommandRun run = run_command(folder, fit);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const json result = run.json();
    EXPECT_EQ(result["termination"]["reason"], "validation") << result["termination"];
    EXPECT_EQ(result["termination"]["converged"], false);
    const std::string history = folder.read("h.csv");
    EXPECT_NE(history.find(",validation_loss\n"), std::string::npos);
    double least = 1e300;
    std::int64_t lines = 0;
    for (std::size_t at = history.find('\n') + 1; at < history.size(); ++lines) {
      const std::size_t end = history.find('\n', at);
      const std::string line = history.substr(at, end - at);
      const std::string last = line.substr(line.rfind(',') + 1);
      least = last.empty() ? least : std::min(least, std::stod(last));
      at = end + 1;
    }
    EXPECT_GT(lines, 5);
    // Batches start from step 0, which is measured before the first epoch and has no line.
    EXPECT_LE(result["metrics"]["validation"]["log_loss"].get<double>(), least * (1 + 1e-6));
    EXPECT_GT(result["metrics"]["validation"]["log_loss"].get<double>(), least * (1 - 1e-6));
  }
}

}  // namespace
}  // namespace steepest::tests
