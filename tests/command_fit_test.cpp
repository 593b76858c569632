// SPDX-License-Identifier: Apache-2.0
// fit, predict and evaluate end to end: the contract of CLI.md.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <fstream>
#include <sstream>

#include "tests/run_command.hpp"
#include "tests/signal_command.hpp"

namespace steepest::tests {
namespace {

const std::string iris = std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv";

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

TEST(FitCommand, JsonHasEveryKeyOfTheContract) {
  const TemporaryFolder folder;
  const CommandRun run = run_command(folder, "fit " + iris + " --target species --json");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto json = run.json();
  EXPECT_EQ(json["command"], "fit");
  EXPECT_TRUE(json["version"].is_string());
  EXPECT_TRUE(json["device"]["kind"] == "cpu" || json["device"]["kind"] == "cuda");
  EXPECT_TRUE(json["device"]["name"].is_string());
  EXPECT_EQ(json["data"]["rows"], 150);
  EXPECT_EQ(json["data"]["rows_rejected"], 0);
  EXPECT_EQ(json["data"]["features"], 4);
  EXPECT_EQ(json["data"]["outputs"], 3);
  EXPECT_EQ(json["data"]["bytes_read"], std::filesystem::file_size(iris));
  EXPECT_EQ(json["model"]["kind"], "softmax");
  EXPECT_EQ(json["model"]["features"].size(), 4U);
  EXPECT_EQ(json["model"]["outputs"], (nlohmann::json{"setosa", "versicolor", "virginica"}));
  ASSERT_EQ(json["model"]["coefficients"].size(), 3U);
  EXPECT_EQ(json["model"]["coefficients"][0].size(), 4U);
  EXPECT_EQ(json["model"]["intercept"].size(), 3U);
  const auto& objective = json["objective"];
  EXPECT_NEAR(objective["total"].get<double>(),
              objective["mean_loss"].get<double>() + objective["penalty"].get<double>(), 1e-12);
  EXPECT_EQ(json["termination"]["reason"], "gradient");
  EXPECT_EQ(json["termination"]["converged"], true);
  EXPECT_TRUE(json["termination"]["inequality"].is_string());
  EXPECT_TRUE(json["termination"]["gradient_max_norm"].is_number());
  EXPECT_TRUE(json["termination"].contains("gap_bound"));
  EXPECT_GT(json["steps"], 0);
  EXPECT_GT(json["epochs"], 0);
  for (const char* part : {"total", "read", "train"}) {
    EXPECT_GE(json["seconds"][part], 0.0);
  }
  for (const char* metric : {"log_loss", "accuracy", "ece", "brier"}) {
    EXPECT_TRUE(json["metrics"]["train"][metric].is_number()) << metric;
  }
  EXPECT_TRUE(json["metrics"]["validation"].is_null());
}

TEST(FitCommand, SavesAModelThatPredictsAndEvaluates) {
  const TemporaryFolder folder;
  const std::string model = folder.path("model.json");
  const CommandRun fit = run_command(folder, "fit " + iris + " --target species -o " + model);
  ASSERT_EQ(fit.exit_code, 0) << fit.err;
  EXPECT_NE(fit.out.find("converged: gradient_max_norm"), std::string::npos) << fit.out;

  const CommandRun predict = run_command(folder, "predict " + model + " " + iris + " --proba");
  ASSERT_EQ(predict.exit_code, 0) << predict.err;
  const auto lines = lines_of(predict.out);
  ASSERT_EQ(lines.size(), 151U);
  EXPECT_EQ(lines[0], "prediction,proba_setosa,proba_versicolor,proba_virginica");
  EXPECT_EQ(lines[1].rfind("setosa,0.9", 0), 0U) << lines[1];
  EXPECT_EQ(lines[150].substr(0, 10), "virginica,");

  const CommandRun file = run_command(
      folder, "predict " + model + " " + iris + " --proba --json -o " + folder.path("p.csv"));
  ASSERT_EQ(file.exit_code, 0) << file.err;
  EXPECT_EQ(file.json()["rows"], 150);
  EXPECT_EQ(folder.read("p.csv"), predict.out);

  const CommandRun evaluate = run_command(
      folder, "evaluate " + model + " " + iris + " --target species --confusion --json");
  ASSERT_EQ(evaluate.exit_code, 0) << evaluate.err;
  const auto json = evaluate.json();
  EXPECT_NEAR(json["metrics"]["accuracy"].get<double>(), 146.0 / 150.0, 1e-12);
  double diagonal = 0.0;
  for (std::size_t c = 0; c < 3; ++c) {
    diagonal += json["confusion"]["counts"][c][c].get<double>();
  }
  EXPECT_EQ(diagonal, 146.0);
}

TEST(FitCommand, TargetsTakeNamesNumbersAndLists) {
  const TemporaryFolder folder;
  const std::string data =
      folder.write("d.csv", "a,b,y,z\n1,2,3,9\n2,1,4,7\n3,5,9,1\n4,3,8,2\n9,9,1,1\n");
  const std::string fit = "fit " + data + " --json --target ";
  const auto by_name = run_command(folder, fit + "y").json();
  EXPECT_EQ(run_command(folder, fit + "3").json()["model"], by_name["model"]);
  EXPECT_EQ(run_command(folder, fit + "-2").json()["model"], by_name["model"]);
  const auto two = run_command(folder, fit + "y,z --features a").json();
  EXPECT_EQ(two["model"]["outputs"], (nlohmann::json{"y", "z"}));
  EXPECT_EQ(two["model"]["coefficients"].size(), 2U);
}

TEST(FitCommand, ReadsStandardInput) {
  const TemporaryFolder folder;
  const auto piped =
      run_command(folder, "fit - --target species --json", "cat '" + iris + "' | ").json();
  const auto direct = run_command(folder, "fit " + iris + " --target species --json").json();
  EXPECT_EQ(piped["model"], direct["model"]);
}

TEST(FitCommand, ValidationAndHistory) {
  const TemporaryFolder folder;
  const CommandRun run = run_command(
      folder, "fit " + iris +
                  " --target species --valid-fraction 0.2 --seed 3 --json --batch-size 16" +
                  " --epochs 12 --schedule step:every=20,gamma=0.5 --rule nesterov:0.8 --history " +
                  folder.path("h.csv"));
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto json = run.json();
  EXPECT_EQ(json["data"]["rows"], 120);
  EXPECT_GT(json["metrics"]["validation"]["accuracy"].get<double>(), 0.7);
  EXPECT_EQ(json["termination"]["reason"], "epochs");
  EXPECT_EQ(json["termination"]["converged"], false);
  EXPECT_EQ(json["steps"], 12 * 8);
  const auto lines = lines_of(folder.read("h.csv"));
  ASSERT_EQ(lines.size(), 13U);
  EXPECT_EQ(lines[0],
            "step,epoch,seconds,learning_rate,mean_loss,penalty,objective,gradient_max_norm");
}

TEST(FitCommand, OneSeedOneResult) {
  const TemporaryFolder folder;
  const std::string fit =
      "fit " + iris + " --target species --batch-size 7 --epochs 3 --json --seed ";
  const auto first = run_command(folder, fit + "1 --threads 1").json();
  EXPECT_EQ(run_command(folder, fit + "1 --threads 3").json()["model"], first["model"]);
  EXPECT_NE(run_command(folder, fit + "2").json()["model"], first["model"]);
}

TEST(FitCommand, DivergenceIsSaidAndLeavesNoModel) {
  const TemporaryFolder folder;
  const CommandRun run =
      run_command(folder, "fit " + iris +
                              " --target petal_width --ignore species --learning-rate 50"
                              " --rule gradient --json -o " +
                              folder.path("m.json"));
  EXPECT_EQ(run.exit_code, 5);
  EXPECT_EQ(run.json()["termination"]["reason"], "diverged");
  EXPECT_EQ(run.json()["termination"]["converged"], false);
  EXPECT_EQ(folder.entries(), 0);
}

TEST(FitCommand, CtrlCSavesAUsableModel) {
  const TemporaryFolder folder;
  const std::string data = folder.path("d.csv");
  ASSERT_EQ(run_command(folder, "generate softmax --rows 20000 --features 20 -o " + data).exit_code,
            0);
  const std::string model = folder.path("m.json");
  const std::string saved = folder.path("saved");
  const auto trains = [&] {
    return std::filesystem::exists(saved) && !std::filesystem::is_empty(saved);
  };
  const CommandRun fit = signal_command(
      folder,
      "fit " + data + " --target label --model softmax --batch-size 1 --epochs 100000 --json -o " +
          model + " --checkpoint " + saved + " --checkpoint-every 100steps",
      SIGINT, trains);
  EXPECT_EQ(fit.exit_code, 130) << fit.err;
  const nlohmann::json json = fit.json();
  EXPECT_EQ(json["termination"]["reason"], "interrupted");
  const CommandRun evaluate =
      run_command(folder, "evaluate " + model + " " + data + " --target label --json");
  EXPECT_EQ(evaluate.exit_code, 0) << evaluate.err;
}

TEST(FitCommand, CategoricalAndMissingValuesTravelWithTheModel) {
  const TemporaryFolder folder;
  const std::string data = folder.write(
      "d.csv",
      "size,color,y\n1,red,1\n2,blue,4\n,red,2\n4,green,3\n5,blue,6\n6,green,4\n7,red,5\n");
  const std::string model = folder.path("m.json");
  const CommandRun fit = run_command(folder, "fit " + data + " --target y --categorical color" +
                                                 " --missing mean --json -o " + model);
  ASSERT_EQ(fit.exit_code, 0) << fit.err;
  EXPECT_EQ(fit.json()["model"]["features"], (nlohmann::json{"size", "color=green", "color=red"}));
  const std::string unseen = folder.write("u.csv", "color,size\nred,\nviolet,2\n");
  EXPECT_EQ(run_command(folder, "predict " + model + " " + unseen).exit_code, 2);
  const CommandRun baseline =
      run_command(folder, "predict " + model + " " + unseen + " --unseen-levels baseline");
  EXPECT_EQ(baseline.exit_code, 0) << baseline.err;
  EXPECT_EQ(lines_of(baseline.out).size(), 3U);
}

TEST(GenerateCommand, WritesTheSameRowsForTheSameSeed) {
  const TemporaryFolder folder;
  const CommandRun a = run_command(folder, "generate linear --rows 50 --features 3 --seed 4");
  ASSERT_EQ(a.exit_code, 0) << a.err;
  EXPECT_EQ(lines_of(a.out).size(), 51U);
  EXPECT_EQ(lines_of(a.out)[0], "x1,x2,x3,y");
  EXPECT_EQ(run_command(folder, "generate linear --rows 50 --features 3 --seed 4").out, a.out);
  EXPECT_NE(run_command(folder, "generate linear --rows 50 --features 3 --seed 5").out, a.out);
  EXPECT_EQ(lines_of(run_command(folder, "generate logits --rows 2 --classes 4").out)[0],
            "z0,z1,z2,z3,label");
}

TEST(DevicesCommand, ListsTheCpuAndSaysWhatBecameOfCuda) {
  const TemporaryFolder folder;
  const auto json = run_command(folder, "devices --json").json();
  EXPECT_EQ(json["command"], "devices");
  EXPECT_EQ(json["devices"][0]["kind"], "cpu");
  EXPECT_EQ(json["devices"][0]["usable"], true);
  ASSERT_GE(json["devices"].size(), 2U);
  const auto& cuda = json["devices"][1];
  EXPECT_EQ(cuda["kind"], "cuda");
  EXPECT_NE(cuda["usable"].get<bool>(), cuda["problem"].is_string());
}

TEST(InspectCommand, DescribesEveryColumn) {
  const TemporaryFolder folder;
  const auto json = run_command(folder, "inspect " + iris + " --json").json();
  EXPECT_EQ(json["command"], "inspect");
  EXPECT_EQ(json["dialect"]["delimiter"], ",");
  EXPECT_EQ(json["rows"], 150);
  ASSERT_EQ(json["columns"].size(), 5U);
  EXPECT_EQ(json["columns"][0]["name"], "sepal_length");
  EXPECT_NEAR(json["columns"][0]["mean"].get<double>(), 5.843333, 1e-6);
  EXPECT_EQ(json["columns"][4]["type"], "text");
  EXPECT_EQ(json["columns"][4]["distinct"], 3);
  EXPECT_EQ(run_command(folder, "inspect " + iris).exit_code, 0);
}

}  // namespace
}  // namespace steepest::tests
