// SPDX-License-Identifier: Apache-2.0
// calibrate with the models of fit: what predict writes comes back into them.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/calibrate_files.hpp"
#include "tests/run_command.hpp"

namespace steepest::tests {
namespace {

TEST(CalibrateCommand, ReadsWhatPredictWrites) {
  const TemporaryFolder folder;
  const std::string iris = std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv";
  const std::string model = folder.path("m.json");
  ASSERT_EQ(run_command(folder, "fit " + iris + " --target species --l2 0.1 -o " + model).exit_code,
            0);
  ASSERT_EQ(
      run_command(folder, "predict " + model + " " + iris + " --proba -o " + folder.path("p.csv"))
          .exit_code,
      0);
  // The labels beside them, as the columns of their classes.
  std::ifstream rows(iris);
  std::string line;
  std::getline(rows, line);
  std::string labels;
  std::string names;
  std::istringstream predicted(folder.read("p.csv"));
  std::string prediction;
  std::getline(predicted, prediction);
  names = prediction + ",species\n";
  while (std::getline(rows, line) && std::getline(predicted, prediction)) {
    const std::string species = line.substr(line.rfind(',') + 1);
    labels += species == "setosa" ? "0\n" : species == "versicolor" ? "1\n" : "2\n";
    names += prediction + "," + species + "\n";
  }
  const auto by_file = run_command(
      folder, "calibrate " + folder.path("p.csv") + " --ignore prediction --input probs --labels " +
                  folder.write("labels.txt", labels) + " --json --quiet");
  ASSERT_EQ(by_file.exit_code, 0) << by_file.out;
  const auto by_name =
      run_command(folder, "calibrate " + folder.write("all.csv", names) +
                              " --ignore prediction --input probs --target species --json --quiet");
  ASSERT_EQ(by_name.exit_code, 0) << by_name.out;
  EXPECT_EQ(by_file.json()["temperature"], by_name.json()["temperature"]);
  EXPECT_LT(by_file.json()["temperature"], 0.9);  // the penalty made the model too unsure
  const auto evaluated =
      run_command(folder, "evaluate " + model + " " + iris + " --json --quiet").json();
  EXPECT_NEAR(by_file.json()["before"]["nll"].get<double>(),
              evaluated["metrics"]["log_loss"].get<double>(), 1e-6);
  EXPECT_NEAR(by_file.json()["before"]["ece"].get<double>(),
              evaluated["metrics"]["ece"].get<double>(), 1e-6);
  EXPECT_NEAR(by_file.json()["before"]["brier"].get<double>(),
              evaluated["metrics"]["brier"].get<double>(), 1e-6);
}

TEST(CalibrateCommand, LogitsOfPredictComeBackIntoTheModel) {
  const TemporaryFolder folder;
  const Iris iris(folder);
  const std::string npy_file = folder.path("logits.npy");
  const std::string csv_file = folder.path("logits.csv");
  for (const std::string& file : {npy_file, csv_file}) {
    const CommandRun run =
        run_command(folder, "predict " + iris.model + " " + iris.data + " --logits -o " + file);
    ASSERT_EQ(run.exit_code, 0) << run.err;
  }
  EXPECT_EQ(folder.read("logits.csv").rfind("logit_setosa,logit_versicolor,logit_virginica\n", 0),
            0U);
  EXPECT_EQ(folder.read("logits.npy").size(), 128U + 150 * 3 * 4);
  const auto evaluated = [&](const std::string& model) {
    return run_command(folder, "evaluate " + model + " " + iris.data + " --json --quiet")
        .json()["metrics"];
  };
  const std::string before = folder.read("iris.json");
  const double plain_loss = evaluated(iris.model)["log_loss"];
  for (const std::string method : {"temperature", "vector", "matrix"}) {
    SCOPED_TRACE(method);
    const std::string calibrated = folder.path(method + ".json");
    const CommandRun run = run_command(
        folder, "calibrate " + npy_file + " --labels " + iris.labels + " --method " + method +
                    " --into " + iris.model + " -o " + calibrated + " --json --quiet");
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const auto json = run.json();
    EXPECT_EQ(json["method"], method);
    EXPECT_EQ(json["model"], calibrated);
    EXPECT_NEAR(json["before"]["nll"].get<double>(), plain_loss, 1e-6);
    const auto metrics = evaluated(calibrated);
    for (const auto& [mine, theirs] :
         {std::pair("log_loss", "nll"), std::pair("accuracy", "accuracy"), std::pair("ece", "ece"),
          std::pair("brier", "brier")}) {
      EXPECT_NEAR(metrics[mine].get<double>(), json["after"][theirs].get<double>(), 1e-6) << mine;
    }
    EXPECT_LT(metrics["log_loss"], plain_loss);
    const auto saved = nlohmann::json::parse(folder.read(method + ".json"));
    EXPECT_EQ(saved["format_version"], 2);
    EXPECT_EQ(saved["calibration"]["method"], method);
    // Logits are the model's own, whatever calibration it carries.
    const std::string again = folder.path("again.npy");
    ASSERT_EQ(
        run_command(folder, "predict " + calibrated + " " + iris.data + " --logits -o " + again)
            .exit_code,
        0);
    EXPECT_EQ(folder.read("again.npy"), folder.read("logits.npy"));
    const CommandRun twice =
        run_command(folder, "calibrate " + csv_file + " --input probs --labels " + iris.labels +
                                " --into " + calibrated);
    EXPECT_NE(twice.exit_code, 0);
  }
  EXPECT_EQ(folder.read("iris.json"), before);
  const auto by_text =
      run_command(folder, "calibrate " + csv_file + " --labels " + iris.labels + " --json --quiet");
  ASSERT_EQ(by_text.exit_code, 0) << by_text.err;
  const auto by_array =
      run_command(folder, "calibrate " + npy_file + " --labels " + iris.labels + " --json --quiet");
  EXPECT_NEAR(by_text.json()["temperature"].get<double>(),
              by_array.json()["temperature"].get<double>(), 1e-12);
  // Without -o the model itself is replaced.
  ASSERT_EQ(run_command(folder, "calibrate " + npy_file + " --labels " + iris.labels + " --into " +
                                    iris.model)
                .exit_code,
            0);
  EXPECT_NEAR(evaluated(iris.model)["log_loss"].get<double>(),
              by_array.json()["after"]["nll"].get<double>(), 1e-6);
}

TEST(CalibrateCommand, OtherModelsTakeNoCalibration) {
  const TemporaryFolder folder;
  const Lesson files(folder);
  const Iris iris(folder);
  const CommandRun classes = run_command(
      folder, "calibrate " + files.logits + " --labels " + files.labels + " --into " + iris.model);
  EXPECT_EQ(classes.exit_code, 2);
  EXPECT_NE(classes.err.find("has 3 classes, and the logits have 5"), std::string::npos);
  const std::string linear = folder.path("linear.json");
  ASSERT_EQ(run_command(folder,
                        "fit " + iris.data + " --target sepal_length --ignore species -o " + linear)
                .exit_code,
            0);
  const CommandRun kind = run_command(
      folder, "calibrate " + files.logits + " --labels " + files.labels + " --into " + linear);
  EXPECT_EQ(kind.exit_code, 2);
  EXPECT_NE(kind.err.find("is a linear model"), std::string::npos) << kind.err;
  EXPECT_EQ(run_command(folder, "predict " + linear + " " + iris.data + " --logits").exit_code, 3);
  EXPECT_EQ(run_command(folder, "predict " + iris.model + " " + iris.data + " --proba -o " +
                                    folder.path("p.npy"))
                .exit_code,
            3);
  EXPECT_EQ(run_command(folder, "predict " + iris.model + " " + iris.data + " --proba --logits")
                .exit_code,
            3);
}

}  // namespace
}  // namespace steepest::tests
