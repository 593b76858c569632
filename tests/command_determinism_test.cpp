// SPDX-License-Identifier: Apache-2.0
// The same input, options and seed give the same bits: for 1, 2, 3 and 8 threads, five times each.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "tests/run_command.hpp"

namespace steepest::tests {
namespace {

// A command whose outputs O/... are compared; D/ is where its inputs are.
struct Case {
  const char* name;
  const char* arguments;
};

std::string with_folders(std::string text, const std::string& data, const std::string& output) {
  for (const auto& [mark, folder] : {std::pair{"D/", data}, std::pair{"O/", output}}) {
    for (std::size_t at = 0; (at = text.find(mark, at)) != std::string::npos; at += folder.size()) {
      text.replace(at, 1, folder);
    }
  }
  return text;
}

// Times are no part of a result.
void drop_seconds(nlohmann::json& json) {
  if (json.is_object()) {
    json.erase("seconds");
  }
  for (auto& value : json) {
    if (value.is_structured()) {
      drop_seconds(value);
    }
  }
}

// Names and contents of all files of a folder; JSON without times.
std::string contents_of(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) {
      paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  std::string all;
  for (const std::filesystem::path& path : paths) {
    std::ifstream file(path, std::ios::binary);
    std::string content{std::istreambuf_iterator<char>(file), {}};
    if (path.extension() == ".json") {
      nlohmann::json json = nlohmann::json::parse(content);
      drop_seconds(json);
      content = json.dump();
    }
    all += path.filename().string() + "\n" + content + "\n";
  }
  return all;
}

class Determinism : public testing::TestWithParam<Case> {
 protected:
  static void SetUpTestSuite() {
    data_ = std::make_unique<TemporaryFolder>();
    for (const char* const command :
         {"generate softmax --rows 6000 --features 9 --classes 4 --condition 100 -o D/classes.csv",
          "generate linear --rows 6000 --features 9 --noise 0.5 -o D/numbers.csv",
          "generate logits --rows 6000 --classes 6 -o D/logits.csv",
          "fit D/classes.csv --target label --model softmax -o D/model.json"}) {
      ASSERT_EQ(run_command(*data_, with_folders(command, data_->path(""), "")).exit_code, 0)
          << command;
    }
  }
  static void TearDownTestSuite() { data_.reset(); }

  static std::string outputs(int threads) {
    const TemporaryFolder folder;
    const CommandRun run =
        run_command(folder, with_folders(GetParam().arguments, data_->path(""), folder.path("")) +
                                " --threads " + std::to_string(threads));
    EXPECT_EQ(run.exit_code, 0) << run.err;
    return contents_of(folder.path(""));
  }

  static std::unique_ptr<TemporaryFolder> data_;
};

std::unique_ptr<TemporaryFolder> Determinism::data_;

TEST_P(Determinism, TheSameBitsForAnyThreadsTwentyTimes) {
  const std::string first = outputs(1);
  ASSERT_GT(first.size(), 100U);
  for (int repeat = 0; repeat < 5; ++repeat) {
    for (const int threads : {1, 2, 3, 8}) {
      ASSERT_TRUE(outputs(threads) == first) << threads << " threads, repeat " << repeat;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Commands, Determinism,
    testing::Values(
        Case{"FitNumbers", "fit D/numbers.csv --target y -o O/m.json"},
        Case{"FitClasses", "fit D/classes.csv --target label --model softmax -o O/m.json"},
        Case{"FitMiniBatch",
             "fit D/classes.csv --target label --model softmax --batch-size 100 --epochs 3 --rule "
             "adam -o "
             "O/m.json"},
        Case{"FitHuber", "fit D/numbers.csv --target y --loss huber:0.5 -o O/m.json"},
        Case{"FitQuantile", "fit D/numbers.csv --target y --loss quantile:0.7 -o O/m.json"},
        Case{"FitFolds",
             "fit D/numbers.csv --target y --l2 1e-4:1:log:4 --folds 3 --seed 5 -o O/m.json"},
        Case{"Sweep",
             "sweep D/classes.csv --target label --model softmax --schedules constant,cosine "
             "--learning-rates "
             "0.5/L:2/L:log:2 --batch-size full,200 --seeds 2 --epochs 3 -o O/r.json"},
        Case{"Temperature",
             "calibrate D/logits.csv --target label --bootstrap 20 --apply O/p.npy -o O/c.json"},
        Case{"Vector", "calibrate D/logits.csv --target label --method vector -o O/c.json"},
        Case{"Convert", "convert D/classes.csv --target label --model softmax -o O/table"},
        Case{"Predict", "predict D/model.json D/classes.csv --proba -o O/p.csv"}),
    [](const testing::TestParamInfo<Case>& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace steepest::tests
