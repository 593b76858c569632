// SPDX-License-Identifier: Apache-2.0
// Descents whose every point is known by algebra, and the words for them.
#include "steepest/explore.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "steepest/error.hpp"
#include "steepest/expression.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

Exploration explore_text(const std::string& text, const ExploreOptions& options) {
  const Expression f(text);
  return explore(f.function(), options);
}

ExploreOptions from(const Point& start, double rate = 0.0, std::int64_t steps = 0) {
  ExploreOptions options;
  options.start = start;
  options.learning_rate = rate;
  options.steps = steps;
  return options;
}

// On (x - 3)^2 the rate 0.1 keeps 0.8 of the distance: x_k = 3 - 3 * 0.8^k.
TEST(Explore, TraceIsTheGeometricSequence) {
  const Exploration run = explore_text("(x-3)^2", from({0.0}, 0.1, 20));
  ASSERT_EQ(run.trace.size(), 21U);
  for (std::size_t k = 0; k < run.trace.size(); ++k) {
    EXPECT_EQ(run.trace[k].step, static_cast<std::int64_t>(k));
    EXPECT_NEAR(run.trace[k].at[0], 3.0 - 3.0 * std::pow(0.8, static_cast<double>(k)), 1e-12);
  }
  EXPECT_NEAR(run.trace[1].at[0], 0.6, 1e-14);
  EXPECT_NEAR(run.trace[1].value, 5.76, 1e-13);
  EXPECT_NEAR(run.end.at[0], 2.9654, 5e-5);
  EXPECT_NEAR(run.end.value, 0.0012, 5e-5);
  EXPECT_EQ(run.termination.reason, Reason::epochs);
  EXPECT_FALSE(run.termination.converged());
  ASSERT_TRUE(run.steps_to_go);
  // 6 * 0.8^k <= 1e-6 from k = 70 on.
  EXPECT_EQ(*run.steps_to_go, 50);
}

TEST(Explore, LandsCrawlsOscillatesDiverges) {
  const std::string text = "(x-1)^2";
  const Exploration lands = explore_text(text, from({-2.4}, 0.3));
  EXPECT_EQ(lands.behaviour, Behaviour::lands);
  EXPECT_NEAR(lands.end.at[0], 1.0, 1e-6);
  EXPECT_EQ(lands.termination.reason, Reason::gradient);
  ASSERT_TRUE(lands.landed_on);
  EXPECT_EQ(lands.landed_on->kind, CriticalKind::minimum);

  const Exploration crawls = explore_text(text, from({-2.4}, 0.02, 50));
  EXPECT_EQ(crawls.behaviour, Behaviour::crawls);
  EXPECT_NEAR(crawls.end.at[0], 1.0 - 3.4 * std::pow(0.96, 50), 1e-12);

  const Exploration bounces = explore_text(text, from({-2.4}, 1.0, 50));
  EXPECT_EQ(bounces.behaviour, Behaviour::oscillates);
  EXPECT_NEAR(bounces.end.at[0], -2.4, 1e-9);

  const Exploration diverges = explore_text(text, from({-2.4}, 1.05, 50));
  EXPECT_EQ(diverges.behaviour, Behaviour::diverges);
  EXPECT_NEAR(diverges.end.at[0], 1.0 - 3.4 * std::pow(1.1, 50), 1e-6);

  for (const Exploration* run : {&lands, &crawls, &bounces, &diverges}) {
    ASSERT_TRUE(run->target);
    EXPECT_NEAR(run->target->at[0], 1.0, 1e-9);
    ASSERT_TRUE(run->gradient_bound);
    EXPECT_NEAR(*run->gradient_bound, 1.0, 1e-9);
    EXPECT_EQ(*run->stability_bound, *run->gradient_bound);
  }
}

// Just below the bound a run comes nearer, just above it goes away: for every rule with a bound.
TEST(Explore, StabilityBoundIsWhereItTurns) {
  for (const char* rule : {"gradient", "momentum:0.6", "nesterov:0.6"}) {
    ExploreOptions options = from({0.5}, 0.1, 2000);
    options.rule = parse_rule(rule);
    options.tolerance = 0.0;
    const double bound = *explore_text("2*x^2", options).stability_bound;
    options.learning_rate = 0.995 * bound;
    EXPECT_LT(std::fabs(explore_text("2*x^2", options).end.at[0]), 0.01) << rule;
    options.learning_rate = 1.005 * bound;
    EXPECT_EQ(explore_text("2*x^2", options).behaviour, Behaviour::diverges) << rule;
  }
}

TEST(Explore, SchedulesAndRulesAreThoseOfFit) {
  ExploreOptions options = from({0.0}, 0.1, 3);
  options.schedule = parse_schedule("exponential:gamma=0.5");
  const Exploration run = explore_text("(x-3)^2", options);
  double x = 0.0;
  for (const double rate : {0.1, 0.05, 0.025}) {
    x -= rate * 2.0 * (x - 3.0);
  }
  EXPECT_NEAR(run.end.at[0], x, 1e-13);
  EXPECT_DOUBLE_EQ(run.trace[2].rate, 0.05);

  ExploreOptions heavy = from({0.0}, 0.1, 2);
  heavy.rule = parse_rule("momentum:0.5");
  // v1 = 0.6, v2 = 0.5 * 0.6 - 0.1 * (-4.8) = 0.78.
  EXPECT_NEAR(explore_text("(x-3)^2", heavy).end.at[0], 1.38, 1e-13);
}

TEST(Explore, BacktrackingTamesAnyFirstRate) {
  ExploreOptions options = from({-2.4}, 2.0);
  options.method = Method::backtracking;
  const Exploration run = explore_text("(x-1)^2", options);
  EXPECT_EQ(run.behaviour, Behaviour::lands);
  EXPECT_NEAR(run.end.at[0], 1.0, 1e-6);
  EXPECT_DOUBLE_EQ(run.trace[1].rate, 0.5);  // 2 and 1 do not improve
  // f must fall at every step, and the rate never grows by more than 1.5 or above the first.
  ExploreOptions valley = from({-1.2, 1.0}, 1.0, 500);
  valley.method = Method::backtracking;
  const Exploration banana = explore_text("(1-x)^2 + 100*(y-x^2)^2", valley);
  for (std::size_t k = 2; k < banana.trace.size(); ++k) {
    EXPECT_LT(banana.trace[k].value, banana.trace[k - 1].value);
    EXPECT_LE(banana.trace[k].rate, 1.5 * banana.trace[k - 1].rate);
  }
}

TEST(Explore, NewtonSeeksLevelPoints) {
  ExploreOptions options = from({10.0});
  options.method = Method::newton;
  const Exploration parabola = explore_text("x^2 - 4*x + 5", options);
  ASSERT_EQ(parabola.trace.size(), 2U);  // one step on a parabola
  EXPECT_NEAR(parabola.end.at[0], 2.0, 1e-9);
  EXPECT_NEAR(parabola.end.value, 1.0, 1e-12);

  options.start = {0.3};
  const Exploration top = explore_text("x^4 - 4*x^2 + 1", options);
  EXPECT_EQ(top.behaviour, Behaviour::lands);
  ASSERT_TRUE(top.landed_on);
  EXPECT_EQ(top.landed_on->kind, CriticalKind::maximum);

  options.start = {-1.2, 1.0};
  const Exploration banana = explore_text("(1-x)^2 + 100*(y-x^2)^2", options);
  EXPECT_NEAR(banana.end.at[0], 1.0, 1e-8);
  EXPECT_NEAR(banana.end.at[1], 1.0, 1e-8);
  EXPECT_LE(banana.trace.size(), 8U);

  options.start = {1.0, 1.0};
  const Exploration trough = explore_text("(x + y)^2", options);
  EXPECT_EQ(trough.behaviour, Behaviour::lands);
  EXPECT_NEAR(trough.end.at[0] + trough.end.at[1], 0.0, 1e-9);

  options.start = {1.0};
  EXPECT_EQ(explore_text("x", options).behaviour, Behaviour::diverges);
}

TEST(Explore, DirectSearchNeedsNoDerivative) {
  ExploreOptions options = from({40.0}, 8.0);
  options.method = Method::direct;
  const Exploration sauna = explore_text("abs(x - 71) + 3", options);
  EXPECT_EQ(sauna.behaviour, Behaviour::lands);
  EXPECT_NEAR(sauna.end.at[0], 71.0, 1e-5);
  EXPECT_EQ(sauna.termination.reason, Reason::step);
  double lowest = sauna.trace[0].value;
  for (std::size_t k = 1; k < sauna.trace.size(); ++k) {
    EXPECT_EQ(sauna.trace[k].accepted, sauna.trace[k].value < lowest);
    lowest = std::min(lowest, sauna.trace[k].value);
    EXPECT_TRUE(sauna.trace[k].gradient.empty());
  }
  options.start = {3.0, -2.0};
  const Exploration plane = explore_text("(x-1)^2 + 3*(y+0.5)^2", options);
  EXPECT_NEAR(plane.end.at[0], 1.0, 1e-5);
  EXPECT_NEAR(plane.end.at[1], -0.5, 1e-5);
}

TEST(Explore, TwoValleysTwoMinima) {
  const std::string text = "x^4 - 4*x^2 + 1";
  EXPECT_NEAR(explore_text(text, from({-2.0}, 0.02)).end.at[0], -std::numbers::sqrt2, 1e-5);
  EXPECT_NEAR(explore_text(text, from({2.0}, 0.02)).end.at[0], std::numbers::sqrt2, 1e-5);
  const Exploration top = explore_text(text, from({0.0}, 0.02));
  EXPECT_EQ(top.trace.size(), 1U);
  ASSERT_TRUE(top.landed_on);
  EXPECT_EQ(top.landed_on->kind, CriticalKind::maximum);
}

TEST(Explore, RestartsFindBothValleys) {
  const Expression f("x^4 - 4*x^2 + 1");
  ExploreOptions options;
  options.method = Method::backtracking;
  const Restarts result = explore_restarts(f.function(), options, {{-3.0, 3.0}}, 10, 1);
  ASSERT_EQ(result.runs.size(), 10U);
  ASSERT_EQ(result.minima.size(), 2U);
  for (const CriticalPoint& minimum : result.minima) {
    EXPECT_NEAR(std::fabs(minimum.at[0]), std::numbers::sqrt2, 1e-8);
    EXPECT_NEAR(minimum.value, -3.0, 1e-12);
  }
  EXPECT_LT(result.minima[0].at[0] * result.minima[1].at[0], 0.0);
}

TEST(Explore, AnnealingLeavesTheWrongValley) {
  const Expression f("x^4 - 4*x^2 + x");  // the left valley is deeper
  ExploreOptions options = from({1.3});
  options.method = Method::annealing;
  options.box = {{-3.0, 3.0}};
  for (const std::uint64_t seed : {0U, 1U, 2U, 3U, 4U}) {
    options.seed = seed;
    const Exploration run = explore(f.function(), options);
    EXPECT_EQ(run.trace.size(), 1001U);
    ASSERT_TRUE(run.target);
    EXPECT_NEAR(run.target->at[0], -1.473, 1e-3);  // root of 4x^3 - 8x + 1
    EXPECT_LE(run.target->value, run.end.value);
  }
  const Exploration again = explore(f.function(), options);
  const Exploration once = explore(f.function(), options);
  EXPECT_EQ(again.trace.back().at, once.trace.back().at);
}

TEST(Explore, MaximizeClimbs) {
  ExploreOptions options = from({0.5}, 0.1);
  options.maximize = true;
  const Exploration run = explore_text("4*x - x^2", options);
  EXPECT_EQ(run.behaviour, Behaviour::lands);
  EXPECT_NEAR(run.end.at[0], 2.0, 1e-3);
  EXPECT_NEAR(run.end.value, 4.0, 1e-6);
  EXPECT_DOUBLE_EQ(run.trace[0].value, 1.75);
  EXPECT_NEAR(run.trace[0].gradient[0], 3.0, 1e-12);
  ASSERT_TRUE(run.target);
  EXPECT_EQ(run.target->kind, CriticalKind::maximum);
  EXPECT_NEAR(run.target->curvatures[0], -2.0, 1e-9);
  EXPECT_NEAR(*run.gradient_bound, 1.0, 1e-9);
}

TEST(Explore, LeavingTheDomainOrTheWorldDiverges) {
  const Exploration left = explore_text("log(x)", from({0.3}, 0.2));
  EXPECT_EQ(left.behaviour, Behaviour::diverges);
  ASSERT_EQ(left.undefined_at.size(), 1U);
  EXPECT_LT(left.undefined_at[0], 0.0);
  EXPECT_FALSE(left.target);
  const Exploration falls = explore_text("-x^2", from({1.0}, 0.4, 1000));
  EXPECT_EQ(falls.behaviour, Behaviour::diverges);
  const Exploration blows = explore_text("x^4", from({3.0}, 1.0));
  EXPECT_EQ(blows.behaviour, Behaviour::diverges);
  for (const TraceStep& step : blows.trace) {
    EXPECT_TRUE(std::isfinite(step.value));
    EXPECT_TRUE(std::isfinite(step.at[0]));
  }
}

// No curvature, no bound: the only honest one.
TEST(Explore, AKinkHasNoBound) {
  const Exploration run = explore_text("abs(x)", from({1.05}, 0.1));
  EXPECT_EQ(run.behaviour, Behaviour::oscillates);
  EXPECT_FALSE(run.gradient_bound);
  EXPECT_FALSE(run.stability_bound);
}

TEST(Explore, RefusesWhatItCannotUse) {
  EXPECT_THROW(explore_text("log(x)", from({-1.0})), InputError);
  EXPECT_THROW(explore_text("sqrt(x)", from({0.0})), InputError);
  EXPECT_THROW(explore_text("x^2", from({1.0}, -0.1)), OptionError);
  EXPECT_THROW(explore_text("x^2", from({1.0}, 0.1, -5)), OptionError);
  ExploreOptions annealing = from({1.0});
  annealing.method = Method::annealing;
  EXPECT_THROW(explore_text("x^2", annealing), OptionError);
  annealing.box = {{2.0, 3.0}};
  EXPECT_THROW(explore_text("x^2", annealing), OptionError);
  const std::string message = thrown_message<OptionError>([] { std::ignore = parse_method("x"); });
  EXPECT_NE(message.find("descent, backtracking, newton, direct or annealing"), std::string::npos);
}

}  // namespace
}  // namespace steepest::tests
