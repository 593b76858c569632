// SPDX-License-Identifier: Apache-2.0
// Dialects on the command line: the same table, written in two ways, gives the same results from
// fit, predict, evaluate and inspect.
#include <gtest/gtest.h>

#include <string>

#include "tests/run_command.hpp"

namespace steepest::tests {
namespace {

constexpr const char* plain =
    "a,b,y\n"
    "1500.5,2,1.25\n-0.5,1,2.5\n3,1234,3.75\n4,-2.5,0.5\n5,7,1\n6,0,2\n7,3,4.5\n";

// As a German spreadsheet writes it, with a comment and lines in front.
constexpr const char* german =
    "Messwerte\r\n\r\n# in Volt\r\n'a';'b';'y'\r\n"
    "1.500,5;2;1,25\r\n-0,5;1;2,5\r\n3;'1.234';3,75\r\n# noch mehr\r\n4;-2,5;0,5\r\n5;7;1\r\n"
    "6;0;2\r\n7;3;4,5\r\n";

constexpr const char* options =
    " --skip-lines 2 --comment '#' --quote \"'\" --decimal comma --thousands .";

TEST(CommandDialect, FitPredictAndEvaluateReadTheSameTable) {
  const TemporaryFolder folder;
  const std::string first = folder.write("plain.csv", plain);
  const std::string second = folder.write("german.csv", german) + options;
  const std::string fit = " --target y --json -o ";
  const CommandRun expected = run_command(folder, "fit " + first + fit + folder.path("a.json"));
  const CommandRun found = run_command(folder, "fit " + second + fit + folder.path("b.json"));
  ASSERT_EQ(expected.exit_code, 0) << expected.err;
  ASSERT_EQ(found.exit_code, 0) << found.err;
  EXPECT_EQ(found.json()["model"], expected.json()["model"]);
  const std::string model = folder.path("a.json") + " ";
  for (const char* command : {"predict ", "evaluate "}) {
    const CommandRun one = run_command(folder, command + model + first);
    const CommandRun other = run_command(folder, command + model + second);
    EXPECT_EQ(one.exit_code, 0) << one.err;
    EXPECT_EQ(other.exit_code, 0) << other.err;
    EXPECT_EQ(other.out.substr(other.out.find('\n')), one.out.substr(one.out.find('\n')));
  }
}

TEST(CommandDialect, InspectShowsIt) {
  const TemporaryFolder folder;
  const std::string data = folder.write("german.csv", german) + options;
  const auto dialect = run_command(folder, "inspect " + data + " --json").json()["dialect"];
  const auto expected = nlohmann::json::parse(R"({"delimiter": ";", "header": true,
      "byte_order_mark": false, "quote": "'", "escape": null, "comment": "#", "comment_lines": 0,
      "skipped_lines": 2, "decimal": ",", "thousands": "."})");
  EXPECT_EQ(dialect, expected);
  const std::string text = run_command(folder, "inspect " + data).out;
  EXPECT_NE(text.find("delimiter semicolon, with header, 2 lines skipped, quote ', comment #, "
                      "decimal comma, thousands .\n"),
            std::string::npos)
      << text;
  EXPECT_NE(run_command(folder, "inspect " + data + " --escape '\\'").out.find("escape \\"),
            std::string::npos);
}

TEST(CommandDialect, InspectShowsTheUsualOneAndCommentsFound) {
  const TemporaryFolder folder;
  const std::string data = folder.write("a.csv", "# one\n# two\na,b\n1,2\n3,4\n");
  const auto dialect = run_command(folder, "inspect " + data + " --json").json()["dialect"];
  EXPECT_EQ(dialect["quote"], "\"");
  EXPECT_EQ(dialect["decimal"], ".");
  EXPECT_EQ(dialect["comment"], nullptr);
  EXPECT_EQ(dialect["thousands"], nullptr);
  EXPECT_EQ(dialect["comment_lines"], 2);
  EXPECT_EQ(run_command(folder, "inspect " + data + " --comment none --json")
                .json()["dialect"]["comment_lines"],
            0);
}

}  // namespace
}  // namespace steepest::tests
