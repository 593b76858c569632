// SPDX-License-Identifier: Apache-2.0
// explore end to end: the tables, verdicts and sentences a learner reads.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "tests/run_command.hpp"
#include "tests/signal_command.hpp"

namespace steepest::tests {
namespace {

CommandRun explore(const std::string& arguments) {
  const TemporaryFolder folder;
  return run_command(folder, "explore " + arguments);
}

void expect_text(const CommandRun& run, const std::string& text) {
  EXPECT_NE(run.out.find(text), std::string::npos) << text << "\nis not in\n" << run.out << run.err;
}

TEST(ExploreCommand, PrintsTheTrace) {
  const CommandRun run =
      explore("'(x - 3)^2' --start 0 --learning-rate 0.1 --steps 20 --plot plain");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  expect_text(run, " Step 1: x = 0.6000, f(x) = 5.7600, f'(x) = -4.8000\n");
  expect_text(run, "Step 20: x = 2.9654, f(x) = 0.0012,");
  expect_text(run,
              "crawls: after 20 steps x = 2.9654 is still 0.0346 short of the minimum at x = "
              "3.0000");
  expect_text(run, "S start  o steps  E end");
  expect_text(run, "stopped, not converged: steps 20 >= 20");
}

TEST(ExploreCommand, JsonHoldsTheWholeTrace) {
  const CommandRun run = explore("'(x - 3)^2' --learning-rate 0.1 --steps 20 --json");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const auto json = run.json();
  EXPECT_EQ(json["command"], "explore");
  EXPECT_EQ(json["variables"], nlohmann::json{"x"});
  ASSERT_EQ(json["trace"].size(), 21U);
  for (int k = 0; k <= 20; ++k) {
    EXPECT_EQ(json["trace"][k]["step"], k);
    EXPECT_NEAR(json["trace"][k]["point"][0], 3.0 - 3.0 * std::pow(0.8, k), 1e-12);
  }
  EXPECT_EQ(json["verdict"]["kind"], "crawls");
  EXPECT_EQ(json["termination"]["reason"], "steps");
  EXPECT_EQ(json["schedule"], "constant");
  EXPECT_NEAR(json["stability_bound"], 1.0, 1e-9);
  EXPECT_NEAR(json["target"]["point"][0], 3.0, 1e-9);
}

TEST(ExploreCommand, NamesWhatHappened) {
  const std::string f = "'(x-1)^2' --start -2.4 --plot none --learning-rate ";
  const CommandRun lands = explore(f + "0.3");
  EXPECT_EQ(lands.exit_code, 0);
  expect_text(lands, "lands: x = 1.0000 is a minimum, f(x) = 0.0000");
  expect_text(lands, "converged: gradient_max_norm");

  const CommandRun crawls = explore(f + "0.02 --steps 50");
  EXPECT_EQ(crawls.exit_code, 0);
  expect_text(crawls, "crawls: after 50 steps x = 0.5584");

  const CommandRun oscillates = explore(f + "1");
  EXPECT_EQ(oscillates.exit_code, 0);
  expect_text(oscillates, "oscillates:");
  expect_text(oscillates, "the rate 1 is on it");

  const CommandRun diverges = explore(f + "1.05");
  EXPECT_EQ(diverges.exit_code, 5);
  expect_text(diverges, "diverges: the moves grow, by a factor of 1.1 a step");
  expect_text(diverges, "2/f'' = 1 at the minimum x = 1.0000");
  expect_text(diverges, "the rate 1.05 is above it");
  expect_text(diverges, "DIVERGED");

  const CommandRun json = explore(f + "1.05 --json");
  EXPECT_EQ(json.exit_code, 5);
  EXPECT_EQ(json.json()["verdict"]["kind"], "diverges");
  EXPECT_EQ(json.json()["termination"]["converged"], false);

  const CommandRun backtracks = explore(f + "2.0 --method backtracking");
  EXPECT_EQ(backtracks.exit_code, 0);
  expect_text(backtracks, "lands: x = 1.0000 is a minimum");
}

TEST(ExploreCommand, TwoValleys) {
  const std::string f = "'x^4 - 4*x^2 + 1' --plot none ";
  expect_text(explore(f + "--start -2 --learning-rate 0.02"), "lands: x = -1.4142 is a minimum");
  expect_text(explore(f + "--start 2 --learning-rate 0.02"), "lands: x = 1.4142 is a minimum");
  expect_text(explore(f + "--start 0"), "is a maximum, not a minimum");

  const CommandRun critical = explore(f + "--critical -3:3");
  EXPECT_EQ(critical.exit_code, 0);
  expect_text(critical, "minimum: x = -1.4142, f(x) = -3.0000, f'' = 16.0000");
  expect_text(critical, "maximum: x =  0.0000, f(x) =  1.0000, f'' = -8.0000");
  expect_text(critical, "minimum: x =  1.4142, f(x) = -3.0000, f'' = 16.0000");

  const CommandRun restarts = explore(f + "--restarts 10 --interval -3:3 --json");
  ASSERT_EQ(restarts.exit_code, 0) << restarts.err;
  const auto json = restarts.json();
  ASSERT_EQ(json["minima"].size(), 2U);
  EXPECT_NEAR(
      json["minima"][0]["point"][0].get<double>() + json["minima"][1]["point"][0].get<double>(),
      0.0, 1e-8);
  EXPECT_EQ(json["runs"].size(), 10U);
  EXPECT_EQ(explore(f + "--restarts 10 --interval -3:3 --json").out, restarts.out);
  EXPECT_NE(explore(f + "--restarts 10 --interval -3:3 --json --seed 5").out, restarts.out);
}

TEST(ExploreCommand, ScansAndParabolas) {
  expect_text(explore("'x^2 - 4*x + 5' --learning-rate 0.3 --plot none"),
              "lands: x = 2.0000 is a minimum, f(x) = 1.0000");
  expect_text(explore("'x^3 - 3*x + 1' --scan 0:3:100 --digits 2"),
              "minimum      x = 1.00, f(x) = -1.00");
  const auto json = explore("'x^3 - 3*x + 1' --scan 0:3:100 --json").json();
  EXPECT_NEAR(json["point"][0], 1.0, 1e-9);
  EXPECT_NEAR(json["value"], -1.0, 1e-12);
  EXPECT_EQ(json["grid"]["points"], 100);
  expect_text(explore("'x^3 - 3*x + 1' --scan -3:3 --maximize"),
              "maximum      x = 3.0000, "
              "f(x) = 19.0000, at the edge");
}

TEST(ExploreCommand, Derivatives) {
  expect_text(explore("'x^3' --derivative-at 2"), "f'(x) = 12.0000 at x = 2.0000");
  expect_text(explore("'sin(x)' --derivative-at 0"), "f'(x) = 1.0000 at x = 0.0000");
  expect_text(explore("'sin(x)' --derivative-at pi/2"), "f'(x) = 0.0000 at x = 1.5708");
  expect_text(explore("'x^2 + y^2' --derivative-at 3,4"), "gradient = (6.0000, 8.0000)");
  const auto json = explore("'exp(x)' --derivative-at 0 --json").json();
  const auto& study = json["studies"][0];
  EXPECT_NEAR(json["gradient"][0], 1.0, 1e-12);
  ASSERT_EQ(study["differences"].size(), 17U);
  EXPECT_NEAR(study["differences"][3]["forward_error"], 5e-4, 1e-6);  // h/2 at h = 1e-3
  EXPECT_LE(study["best_h_forward"], 1e-7);
  EXPECT_GE(study["best_h_central"], 1e-7);
}

// y = 3x on x = 1 ... 4: the same slope by descent on its squared error and by fit.
TEST(ExploreCommand, ASlopeByHandAndByFit) {
  expect_text(explore("'((x-3)^2 + (2*x-6)^2 + (3*x-9)^2 + (4*x-12)^2)/8' --plot none"),
              "lands: x = 3.0000 is a minimum");
  const TemporaryFolder folder;
  const std::string file = folder.write("line.csv", "x,y\n1,3\n2,6\n3,9\n4,12\n");
  const auto json = run_command(folder, "fit " + file + " --target y --json").json();
  EXPECT_NEAR(json["model"]["coefficients"][0][0], 3.0, 5e-5);
  EXPECT_NEAR(json["model"]["intercept"][0], 0.0, 5e-5);
}

TEST(ExploreCommand, AFormulaMayBeginWithAMinus) {
  const CommandRun run = explore("-x^2 --start 1 --maximize --learning-rate 0.3 --plot none");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  expect_text(run, "lands: x = 0.0000 is a maximum");
  EXPECT_EQ(explore("'-(x-1)^2' --maximize --plot none").exit_code, 0);
}

TEST(ExploreCommand, OtherMethodsLand) {
  expect_text(explore("'(1-x)^2 + 100*(y-x^2)^2' --method newton --start -1.2,1 --plot plain"),
              "lands: x = 1.0000, y = 1.0000 is a minimum");
  expect_text(explore("'abs(x - 71) + 3' --method direct --start 40 --learning-rate 8"),
              "lands: x = 71.0000 is a minimum, f(x) = 3.0000");
  const CommandRun annealing =
      explore("'x^4 - 4*x^2 + x' --method annealing --start 1.3 --interval -3:3 --plot none");
  EXPECT_EQ(annealing.exit_code, 0) << annealing.err;
  expect_text(annealing, "the minimum at x = -1.4730");
  expect_text(explore("'(x-3)^2' --rule momentum:0.5 --plot none"), "with momentum:0.5 it is 1.5");
}

TEST(ExploreCommand, EndsOnASignal) {
  const TemporaryFolder folder;
  const CommandRun run = signal_command(folder, "explore 'sin(x)*sin(y)' --scan -9:9:9999", SIGINT);
  EXPECT_EQ(run.exit_code, 130);
  EXPECT_EQ(run.out, "");
  EXPECT_NE(run.err.find("interrupted"), std::string::npos) << run.err;
}

struct Refusal {
  const char* arguments;
  int exit_code;
  const char* text;
};

class ExploreRefusalTest : public testing::TestWithParam<Refusal> {};

TEST_P(ExploreRefusalTest, InOneSentence) {
  const Refusal& refusal = GetParam();
  const CommandRun run = explore(refusal.arguments);
  EXPECT_EQ(run.exit_code, refusal.exit_code) << run.out;
  EXPECT_NE(run.err.find(refusal.text), std::string::npos) << run.err;
  EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
  EXPECT_EQ(run.out, "");
}

INSTANTIATE_TEST_SUITE_P(
    ExploreCommand, ExploreRefusalTest,
    testing::Values(Refusal{"", 3, "needs a formula"}, Refusal{"'x^2 +'", 2, "position 6"},
                    Refusal{"'2x'", 2, "position 2"}, Refusal{"'x + q'", 2, "\"q\" is not known"},
                    Refusal{"'x^2' --critical 3:0", 3, "is empty"},
                    Refusal{"'x^2' --scan 1:1:5", 3, "is empty"},
                    Refusal{"'x^2' --scan 0:3:1", 3, "at least 2 points"},
                    Refusal{"'x+y' --scan 0:3:5,0:3:6", 3, "the same for both"},
                    Refusal{"'x^2' --scan 0:3:x", 3, "is not a number"},
                    Refusal{"'x^2' --interval 0 --restarts 3", 3, "LO:HI"},
                    Refusal{"'x^2' --start nan", 3, "not a finite number"},
                    Refusal{"'x^2' --start 1/0", 3, "not a finite number"},
                    Refusal{"'x^2' --start 1,2", 3, "function of x"},
                    Refusal{"'x^2+y^2' --start 1", 3, "function of x and y"},
                    Refusal{"'2 + log(x)' --start -1", 2, "\"log(x)\" at position 5"},
                    Refusal{"'1/(x-2)' --derivative-at 2", 2, "\"1/(x-2)\" at position 1"},
                    Refusal{"'sqrt(x)' --derivative-at 0", 2, "not defined on both sides"},
                    Refusal{"'sqrt(x)' --critical -3:-1", 2, "not a finite number at any"},
                    Refusal{"'x^2' --method magic", 3,
                            "descent, backtracking, newton, direct or annealing"},
                    Refusal{"'x^2' --rule magic", 3, "rule \"magic\""},
                    Refusal{"'x^2' --schedule magic", 3, "schedule \"magic\""},
                    Refusal{"'x^2' --learning-rate 0", 3, "above 0"},
                    Refusal{"'x^2' --steps 0", 3, "at least 1"},
                    Refusal{"'x^2' --bogus", 3, "--bogus"},
                    Refusal{"'x^2' --restarts 3", 3, "--interval"},
                    Refusal{"'x^2' --method annealing", 3, "--interval"},
                    Refusal{"'x^2' --method newton --rule momentum:0.9", 3, "--method descent"},
                    Refusal{"'x^2' --plot loud", 3, "auto, unicode, plain or none"},
                    Refusal{"'x^2' --critical 0:1 --scan 0:1:5", 3, "give one of them"}));

}  // namespace
}  // namespace steepest::tests
