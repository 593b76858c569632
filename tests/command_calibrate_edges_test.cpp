// SPDX-License-Identifier: Apache-2.0
// calibrate where there is no answer, and of what it cannot use.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/calibrate_files.hpp"
#include "tests/run_command.hpp"

namespace steepest::tests {
namespace {

TEST(CalibrateCommand, StatusesWithoutAnOptimumApplyNothing) {
  const TemporaryFolder folder;
  const std::string zero = folder.write("zero.csv", "a,b,y\n1,0,a\n3,1,a\n0,2,b\n");
  const auto run = run_command(folder, "calibrate " + zero + " --target y --json --quiet");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.json()["status"], "zero");
  EXPECT_EQ(run.json()["temperature"], 0.0);
  EXPECT_TRUE(run.json()["beta"].is_null());
  EXPECT_TRUE(run.json()["after"].is_null());
  const auto applied =
      run_command(folder, "calibrate " + zero + " --target y --apply " + folder.path("p.npy"));
  EXPECT_EQ(applied.exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(folder.path("p.npy")));
  const std::string wrong = folder.write("wrong.csv", "a,b,y\n1,0,1\n3,1,1\n0,2,0\n");
  const auto infinite = run_command(folder, "calibrate " + wrong + " --target y --json --quiet");
  EXPECT_EQ(infinite.json()["status"], "infinite");
  EXPECT_TRUE(infinite.json()["temperature"].is_null());
}

TEST(CalibrateCommand, WrongInputAndOptionsAreOneSentence) {
  const TemporaryFolder folder;
  const Lesson files(folder);
  struct Case {
    std::string arguments;
    int exit_code;
    const char* text;
  };
  const std::string huge =
      folder.write("huge.npy", npy("<f4", "(1000000000000000000, 2)", "12345678"));
  const std::string named = folder.write("named.csv", "a,b,y\n1,0,a\n3,1,c\n");
  const std::string text = folder.write("text.csv", "a,b,y\n1,0,0\n3,x,1\n");
  const std::string range = folder.write("range.csv", "a,b,y\n1,0,0\n3,1,2\n");
  for (const Case& bad : {
           Case{files.logits, 3, "--labels FILE"},
           Case{lesson, 3, "--target"},
           Case{lesson + " --target label --labels " + files.labels, 3, "both name the labels"},
           Case{files.logits + " --target 1", 3, "--labels FILE"},
           Case{files.logits + " --labels " + files.labels + " --input odds", 3,
                "logits, logprobs or probs"},
           Case{files.logits + " --labels " + files.labels + " --method beta", 3, "--method"},
           Case{files.logits + " --labels " + files.labels + " --smoothing 1", 3, "[0, 1)"},
           Case{files.logits + " --labels " + files.labels + " --apply-as x", 3, "probs or logits"},
           Case{files.logits + " --labels " + files.labels + " --apply " + files.logits, 3,
                "write to another file"},
           Case{files.logits + " --labels " + files.labels + " --penalty 1", 3, "vector or matrix"},
           Case{files.logits + " --labels " + files.labels + " --method matrix --penalty x", 3,
                "not a number"},
           Case{files.logits + " --labels " + files.labels + " --method matrix --penalty -1", 3,
                "0 or more"},
           Case{files.logits + " --labels " + files.labels + " --method vector --smooth-labels", 3,
                "--method temperature"},
           Case{files.logits + " --labels " + files.labels + " --method vector --valid-fraction 1",
                3, "--valid-fraction 1"},
           Case{files.logits + " --labels " + files.labels + " --bootstrap -1", 3, "--bootstrap"},
           Case{files.logits + " --labels " + files.labels + " --valid-fraction 0", 3,
                "--valid-fraction 0 is not in (0, 1)"},
           Case{files.logits + " --labels " + files.labels + " --valid-fraction 1e-9", 3,
                "leaves none on one side"},
           Case{files.logits + " --labels " + files.labels + " --valid-fraction 0.5 --group " +
                    files.labels,
                3, "does not go with --group"},
           Case{files.logits + " --labels " + files.labels + " --group " + files.labels +
                    " --into " + lesson,
                3, "a model holds one scaling for all rows"},
           Case{files.logits + " --labels " + files.labels + " --into " + lesson, 2,
                "not a whole model file"},
           Case{files.logits + " --labels " + files.labels + " --group " + files.logits, 2,
                "wrong shape"},
           Case{files.logits + " --labels " + files.labels + " --group " + lesson +
                    " --method vector",
                3, "--group"},
           Case{files.logits + " --labels " + folder.path("none.npy"), 2, "none.npy"},
           Case{folder.path("none.npy") + " --labels " + files.labels, 2, "none.npy"},
           Case{huge + " --labels " + files.labels, 2, "header promises"},
           Case{files.labels + " --labels " + files.labels, 2, "float16, float32 or float64"},
           Case{named + " --target y", 2, "\"c\" names none of the columns"},
           Case{range + " --target y", 2, "whole number in [0, 2)"},
           Case{text + " --target y", 2, "b"},
           Case{range + " --target y --input probs", 2, "label"},
           Case{files.logits + " --labels " + files.labels + " --input probs", 2,
                "is no probability"},
           Case{files.logits + " --labels /", 2, "is a directory"},
       }) {
    const CommandRun run = run_command(folder, "calibrate " + bad.arguments);
    EXPECT_EQ(run.exit_code, bad.exit_code) << bad.arguments << run.err;
    EXPECT_NE(run.err.find(bad.text), std::string::npos) << run.err;
    EXPECT_EQ(run.out, "");
  }
}

// Every number that is printed is one: null and words where there is none.
void expect_no_nonsense(const std::string& text) {
  for (const char* const word : {"nan", "NaN", "inf ", "inf,", "Infinity", "-nan"}) {
    EXPECT_EQ(text.find(word), std::string::npos) << word << " in " << text;
  }
}

TEST(CalibrateEdgesCommand, OneRowHasATemperatureAndNoStandardError) {
  const TemporaryFolder folder;
  for (const int copies : {1, 3}) {
    std::string rows = "a,b,c\n";
    std::string labels;
    for (int r = 0; r < copies; ++r) {
      rows += "3,2.9,0\n";
      labels += "1\n";
    }
    const std::string data =
        folder.write("one.csv", rows) + " --labels " + folder.write("one.txt", labels);
    const CommandRun run =
        run_command(folder, "calibrate " + data + " --bootstrap 20 --json --quiet --report " +
                                folder.path("page.html") + " --bins " + folder.path("bins.csv"));
    ASSERT_EQ(run.exit_code, 0) << run.err;
    const auto json = run.json();
    EXPECT_EQ(json["status"], "solved");
    EXPECT_GT(json["temperature"], 0.0);
    EXPECT_NEAR(json["residual"].get<double>(), 0.0, 1e-9);
    EXPECT_TRUE(json["log_temperature_standard_error"].is_null());
    EXPECT_TRUE(json["temperature_interval"].is_null());
    const CommandRun text = run_command(folder, "calibrate " + data + " --bootstrap 20");
    EXPECT_NE(text.out.find("its interval is not known"), std::string::npos) << text.out;
    EXPECT_NE(text.out.find("standard error of log T not known"), std::string::npos);
    EXPECT_NE(text.err.find("is not known: one row"), std::string::npos) << text.err;
    expect_no_nonsense(run.out);
    expect_no_nonsense(text.out);
    expect_no_nonsense(folder.read("bins.csv"));
    const std::string page = folder.read("page.html");
    EXPECT_NE(page.find("its interval is not known"), std::string::npos);
    EXPECT_EQ(page.find(">nan<"), std::string::npos);
    EXPECT_EQ(page.find(">inf<"), std::string::npos);
  }
}

TEST(CalibrateEdgesCommand, NoStatusPrintsNonsense) {
  const TemporaryFolder folder;
  struct Case {
    const char* status;
    std::string rows;
    const char* words;
  };
  for (const Case& edge : {
           Case{"zero", "1,0,0\n3,1,0\n0,2,1\n", "keep T = 1"},
           Case{"infinite", "1,0,1\n3,1,1\n0,2,0\n", "column k, counted from 0"},
           Case{"undetermined", "1,1,1\n2,2,0\n0,0,0\n", "equally good"},
           Case{"solved", "1,0,0\n3,1,1\n0,2,1\n", "T "},
       }) {
    SCOPED_TRACE(edge.status);
    const std::string data =
        "calibrate " + folder.write("edge.csv", "a,b,y\n" + edge.rows) + " --target y";
    const CommandRun json = run_command(
        folder, data + " --bootstrap 20 --json --report " + folder.path("page.html") + " --bins " +
                    folder.path("bins.csv") + " -o " + folder.path("c.json"));
    ASSERT_EQ(json.exit_code, 0) << json.err;
    EXPECT_EQ(json.json()["status"], edge.status);
    const CommandRun text = run_command(folder, data + " --bootstrap 20");
    ASSERT_EQ(text.exit_code, 0);
    EXPECT_NE((text.out + text.err).find(edge.words), std::string::npos) << text.out << text.err;
    expect_no_nonsense(json.out);
    expect_no_nonsense(text.out);
    expect_no_nonsense(folder.read("bins.csv"));
    expect_no_nonsense(folder.read("c.json"));
    const std::string page = folder.read("page.html");
    EXPECT_EQ(page.find(">nan<"), std::string::npos);
    EXPECT_EQ(page.find(">inf<"), std::string::npos);
  }
}

TEST(CalibrateEdgesCommand, VectorsNameAndCountTheRowsTheyCannotUse) {
  const TemporaryFolder folder;
  std::vector<float> logits;
  std::vector<std::int64_t> labels;
  for (int r = 0; r < 60; ++r) {
    for (int k = 0; k < 3; ++k) {
      logits.push_back(static_cast<float>((7 * r + 5 * k) % 11) / 4.0F +
                       (r % 3 == k ? 1.0F : 0.0F));
    }
    labels.push_back(r % 3);
  }
  const auto command = [&](const std::string& more) {
    const std::string data(reinterpret_cast<const char*>(logits.data()), logits.size() * 4);
    const std::string classes(reinterpret_cast<const char*>(labels.data()), labels.size() * 8);
    return run_command(folder, "calibrate " + folder.write("z.npy", npy("<f4", "(60, 3)", data)) +
                                   " --labels " +
                                   folder.write("y.npy", npy("<i8", "(60,)", classes)) +
                                   " --method vector" + more);
  };
  ASSERT_EQ(command("").exit_code, 0) << command("").err;
  const struct {
    float value;
    const char* text;
  } bad[] = {{std::nanf(""), "row 7 (from 0): column 1 is not a number; 1 row of 60"},
             {-HUGE_VALF, "row 7 (from 0): column 1 is -inf, a masked class, which vector"},
             {HUGE_VALF, "row 7 (from 0): column 1 is +inf"},
             {3e33F, "row 7 (from 0): column 1 is 3e+33"}};
  const float good = logits[22];
  for (const auto& [value, text] : bad) {
    logits[22] = value;
    const CommandRun refused = command("");
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_NE(refused.err.find(text), std::string::npos) << refused.err;
    const CommandRun skipped = command(" --on-bad-row skip --json");
    ASSERT_EQ(skipped.exit_code, 0) << skipped.err;
    EXPECT_EQ(skipped.json()["rows"], 59);
    EXPECT_EQ(skipped.json()["rows_skipped"], 1);
    EXPECT_NE(skipped.err.find("1 row skipped; the first: row 7"), std::string::npos);
  }
  logits[22] = good;
  labels[9] = 3;
  EXPECT_NE(command("").err.find("row 9 (from 0): label 3 is outside [0, 3)"), std::string::npos);
}

}  // namespace
}  // namespace steepest::tests
