// SPDX-License-Identifier: Apache-2.0
// What fit and inspect say of data that will mislead, and that they are silent about data that will
// not.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "tests/run_command.hpp"

namespace steepest::tests {
namespace {

const std::string data_folder = STEEPEST_SOURCE_FOLDER "/data/";

// 60 rows of: a row number, x, a multiple of it, another column, and a target with noise.
std::string suspicious() {
  std::string text = "id,x,inches,other,y,leak,kind,late\n";
  for (int i = 1; i <= 60; ++i) {
    const double x = (i * 37 % 61) / 10.0;
    const double other = (i * 23 % 59) / 7.0;
    const double y = x - 2.0 * other + (i * 29 % 53) / 5.0;
    const std::string kind = i * 29 % 53 < 26 ? "no" : "yes";
    text += std::to_string(i) + "," + std::to_string(x) + "," + std::to_string(x * 2.54) + "," +
            std::to_string(other) + "," + std::to_string(y) + "," + std::to_string(3 * y + 1) +
            "," + kind + "," + (kind == "no" ? "0" : std::to_string(1 + i % 5)) + "\n";
  }
  return text;
}

TEST(Doctor, FitNamesEachTroubleInALine) {
  const TemporaryFolder folder;
  const std::string data = folder.write("d.csv", suspicious());
  const CommandRun number =
      run_command(folder, "fit " + data + " --target y --ignore kind,late --json");
  ASSERT_EQ(number.exit_code, 0) << number.err;
  EXPECT_NE(number.err.find("\"inches\" is 2.54 times \"x\""), std::string::npos) << number.err;
  EXPECT_NE(number.err.find("\"leak\" alone tells the target \"y\""), std::string::npos)
      << number.err;
  EXPECT_NE(number.err.find("\"id\" counts the rows"), std::string::npos) << number.err;
  const CommandRun kind =
      run_command(folder, "fit " + data + " --target kind --ignore inches,leak,id --json");
  EXPECT_NE(kind.err.find("\"late\" alone tells the target \"kind\""), std::string::npos)
      << kind.err;
  EXPECT_EQ(kind.err.find("\"x\""), std::string::npos) << kind.err;
  const CommandRun raw =
      run_command(folder, "fit " + data_folder +
                              "diamonds.csv --target price --features depth,carat"
                              " --no-standardize --json");
  EXPECT_TRUE(raw.err.empty()) << raw.err;
  const CommandRun uneven = run_command(
      folder, "fit " + data_folder + "longley.csv --target employed --no-standardize --json");
  EXPECT_NE(uneven.err.find("differ by a factor"), std::string::npos) << uneven.err;
}

// 240 rows: a city for every region, one text of three for every label, two numbers of a target.
std::string of_texts() {
  std::string text = "city,size,copy,label,low,high,twice\n";
  for (int i = 0; i < 240; ++i) {
    const int kind = i * 29 % 53 % 3;
    const double high = (i * 17 % 83) / 4.0;
    const char* const cities[] = {"Rome", "Oslo", "Lima"};
    const char* const sizes[] = {"small", "middle", "large", "huge"};
    const char* const size = sizes[i * 31 % 47 % 4];
    text += std::string(cities[kind]) + "," + size + "," + size + "," +
            std::string(1, static_cast<char>('x' + kind)) + "," +
            std::to_string((i * 37 % 61) / 10.0) + "," + std::to_string(high) + "," +
            std::to_string(2 * high + 3) + "\n";
  }
  return text;
}

TEST(Doctor, NamesTheColumnsOfTheFile) {
  const TemporaryFolder folder;
  const std::string data = folder.write("t.csv", of_texts());
  const CommandRun leak = run_command(
      folder, "fit " + data + " --target label --features city,low --categorical city --json");
  EXPECT_NE(leak.err.find("\"city\" alone tells the target \"label\" in the 240 rows looked at"),
            std::string::npos)
      << leak.err;
  EXPECT_EQ(leak.err.find("city="), std::string::npos) << leak.err;
  const CommandRun copies = run_command(
      folder, "fit " + data + " --target low --features size,copy,high --categorical size,copy" +
                  " --json");
  EXPECT_NE(copies.err.find("is a copy of"), std::string::npos) << copies.err;
  EXPECT_NE(copies.err.find("levels are part of \"size\", \"copy\""), std::string::npos)
      << copies.err;
  const CommandRun silent = run_command(
      folder, "fit " + data + " --target label --features size,low,high --categorical size --json");
  EXPECT_EQ(silent.err.find("alone tells"), std::string::npos) << silent.err;
}

TEST(Doctor, SaysWhichOfManyTargetsAColumnTells) {
  const TemporaryFolder folder;
  const std::string data = folder.write("t.csv", of_texts());
  const CommandRun run = run_command(
      folder, "fit " + data + " --target low,high --features size,twice --categorical size --json");
  EXPECT_NE(run.err.find("\"twice\" alone tells the target \"high\" in every row"),
            std::string::npos)
      << run.err;
  EXPECT_EQ(run.err.find("low"), std::string::npos) << run.err;
}

TEST(Doctor, InspectNamesWhatOneReadTells) {
  const TemporaryFolder folder;
  const std::string data = folder.write("d.csv", suspicious());
  const CommandRun run = run_command(folder, "inspect " + data + " --json");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const std::string warnings = run.json()["warnings"].dump();
  EXPECT_NE(warnings.find("2.54 times"), std::string::npos) << warnings;
  EXPECT_NE(warnings.find("counts the rows"), std::string::npos) << warnings;
  const std::string shifted = folder.write(
      "s.csv", "time,y\n1700000000,1\n1700000003,2\n1700000001,5\n1700000007,3\n1700000002,8\n");
  EXPECT_NE(run_command(folder, "inspect " + shifted).out.find("float32 keeps few digits"),
            std::string::npos);
}

TEST(Doctor, IsSilentAboutRealData) {
  const TemporaryFolder folder;
  for (const std::string fit :
       {"diamonds.csv --target price --categorical cut,color,clarity",
        "diamonds.csv --target cut --categorical color,clarity --max-seconds 1",
        "iris.csv --target species", "iris.csv --target petal_width --categorical species",
        "longley.csv --target employed", "longley.csv --target employed,unemployed"}) {
    const CommandRun run = run_command(folder, "fit " + data_folder + fit + " --json");
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(run.err.empty()) << fit << "\n" << run.err;
  }
  for (const std::string file : {"diamonds.csv", "iris.csv", "longley.csv"}) {
    const CommandRun run = run_command(folder, "inspect " + data_folder + file + " --json");
    EXPECT_TRUE(run.json()["warnings"].empty()) << file << "\n" << run.json()["warnings"];
  }
}

// A relation of the sample that one row of many refutes, and one that all rows bear out.
TEST(Doctor, HoldsRelationsAgainstEveryRow) {
  const TemporaryFolder folder;
  std::string text = "a,b,c,y\n";
  for (int i = 0; i < 50000; ++i) {
    const double a = (i * 37 % 1009) / 8.0;
    const double c = (i * 53 % 997) / 8.0;
    const double b = i == 40001 ? 1e6 : a;
    text += std::to_string(a) + "," + std::to_string(b) + "," + std::to_string(c) + "," +
            std::to_string(a + c + i % 7) + "\n";
  }
  const std::string data = folder.write("d.csv", text);
  const CommandRun run = run_command(folder, "fit " + data + " --target y --json");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_TRUE(run.err.empty()) << run.err;
}

}  // namespace
}  // namespace steepest::tests
