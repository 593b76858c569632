// SPDX-License-Identifier: Apache-2.0
// portfolio end to end.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "tests/run_command.hpp"

namespace steepest::tests {
namespace {

const char* const covariance = "stocks,bonds\n0.04,0\n0,0.01\n";

// Four assets, eight periods.
const char* const returns =
    "date,a,b,c,d\n"
    "d1,0.010,0.004,-0.020,0.001\nd2,-0.012,0.002,0.030,0.002\nd3,0.020,-0.003,0.010,0.001\n"
    "d4,0.004,0.006,-0.015,0.003\nd5,-0.008,0.001,0.025,0.002\nd6,0.015,0.003,-0.005,0.001\n"
    "d7,0.002,-0.002,0.012,0.002\nd8,0.006,0.005,0.008,0.003\n";

TEST(PortfolioCommand, TwoAssetsByTheClosedForm) {
  const TemporaryFolder folder;
  const std::string file = folder.write("covariance.csv", covariance);
  const CommandRun run = run_command(folder, "portfolio " + file + " --covariance");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_NE(run.out.find("stocks     0.2000"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("bonds      0.8000"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("converged: gap"), std::string::npos) << run.out;
  const auto json = run_command(folder, "portfolio " + file + " --covariance --json").json();
  EXPECT_EQ(json["command"], "portfolio");
  EXPECT_NEAR(json["weights"][0], 0.2, 1e-7);
  EXPECT_NEAR(json["variance"], 0.008, 1e-9);
  EXPECT_EQ(json["data"]["assets"], (nlohmann::json{"stocks", "bonds"}));
  EXPECT_EQ(json["termination"]["reason"], "gap");
  EXPECT_EQ(json["expected_return"], nullptr);
}

TEST(PortfolioCommand, ReturnsTargetsAndBounds) {
  const TemporaryFolder folder;
  const std::string file = folder.write("returns.csv", returns);
  const std::string base = "portfolio " + file + " --ignore date --json ";
  const auto least = run_command(folder, base).json();
  const auto weights = least["weights"].get<std::vector<double>>();
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  EXPECT_NEAR(sum, 1.0, 1e-12);
  const auto target = run_command(folder, base + "--target-return 0.004").json();
  EXPECT_NEAR(target["expected_return"], 0.004, 1e-9);
  EXPECT_GT(target["variance"], least["variance"]);
  const auto averse = run_command(folder, base + "--risk-aversion 1000").json();
  const auto bold = run_command(folder, base + "--risk-aversion 1").json();
  EXPECT_GT(bold["expected_return"], averse["expected_return"]);
  const auto capped = run_command(folder, base + "--bounds 0:0.3").json();
  for (const auto& weight : capped["weights"]) {
    EXPECT_LE(weight, 0.3);
  }
  EXPECT_GT(capped["variance"], least["variance"]);
}

TEST(PortfolioCommand, FrontierAsTableJsonAndCsv) {
  const TemporaryFolder folder;
  const std::string file = folder.write("returns.csv", returns);
  const std::string out = folder.path("frontier.csv");
  const CommandRun run = run_command(
      folder, "portfolio " + file + " --ignore date --frontier 9 --plot plain -o " + out);
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_NE(run.out.find("9 of 9 portfolios converged"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("o portfolios  + assets"), std::string::npos) << run.out;
  const std::string csv = folder.read("frontier.csv");
  EXPECT_EQ(csv.rfind("expected_return,volatility,a,b,c,d\n", 0), 0U);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 10);
  const std::string again = "portfolio " + file + " --ignore date --frontier 9 --json --threads ";
  const CommandRun one = run_command(folder, again + "1");
  const auto json = one.json();
  ASSERT_EQ(json["frontier"].size(), 9U);
  for (std::size_t k = 1; k < 9; ++k) {
    EXPECT_GT(json["frontier"][k]["expected_return"], json["frontier"][k - 1]["expected_return"]);
    EXPECT_GT(json["frontier"][k]["volatility"], json["frontier"][k - 1]["volatility"]);
  }
  EXPECT_EQ(run_command(folder, again + "4").out, one.out);
}

TEST(PortfolioCommand, RefusesInOneSentence) {
  const TemporaryFolder folder;
  const std::string square = folder.write("covariance.csv", covariance);
  const std::string table = folder.write("returns.csv", returns);
  const std::string skew = folder.write("skew.csv", "a,b\n1,0.5\n0.2,1\n");
  const std::string negative = folder.write("negative.csv", "a,b\n1,2\n2,1\n");
  struct Case {
    std::string arguments;
    int exit_code;
    const char* text;
  };
  for (const Case& c :
       {Case{table + " --ignore date --covariance", 2, "as many rows as columns"},
        Case{table, 2, "\"d1\""}, Case{skew + " --covariance", 2, "not symmetric"},
        Case{negative + " --covariance", 2, "variance below 0"},
        Case{square + " --covariance --target-return 0.1", 3, "--expected-returns"},
        Case{square + " --covariance --expected-returns 0.1", 3, "1 expected returns are given"},
        Case{square + " --covariance --expected-returns 0.1,x", 3, "not a number"},
        Case{table + " --ignore date --target-return 0.5", 3, "the largest is"},
        Case{table + " --ignore date --bounds 0:0.1", 3, "never to 1"},
        Case{table + " --ignore date --bounds 1", 3, "LOW:HIGH"},
        Case{table + " --ignore date --frontier 1", 3, "2 to"},
        Case{table + " --ignore date --risk-aversion 0", 3, "above 0"},
        Case{table + " --ignore date --risk-aversion 1 --frontier 3", 3, "give one of them"},
        Case{folder.path("absent.csv"), 2, "absent.csv"}}) {
    const CommandRun run = run_command(folder, "portfolio " + c.arguments);
    EXPECT_EQ(run.exit_code, c.exit_code) << c.arguments << run.err;
    EXPECT_NE(run.err.find(c.text), std::string::npos) << c.arguments << "\n" << run.err;
    EXPECT_EQ(run.out, "");
  }
}

}  // namespace
}  // namespace steepest::tests
