// SPDX-License-Identifier: Apache-2.0
#include "steepest/schedule.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "steepest/error.hpp"

namespace steepest::tests {
namespace {

Schedule with_rate(std::string_view text, double rate, std::int64_t horizon) {
  Schedule schedule = parse_schedule(text);
  schedule.learning_rate = rate;
  schedule.horizon = horizon;
  return schedule;
}

TEST(Schedule, FollowsItsFormula) {
  EXPECT_DOUBLE_EQ(learning_rate_at(with_rate("constant", 0.3, 10), 7), 0.3);
  const Schedule step = with_rate("step:every=3,gamma=0.5", 0.8, 100);
  EXPECT_DOUBLE_EQ(learning_rate_at(step, 2), 0.8);
  EXPECT_DOUBLE_EQ(learning_rate_at(step, 3), 0.4);
  EXPECT_DOUBLE_EQ(learning_rate_at(step, 8), 0.2);
  const Schedule multistep = with_rate("multistep:milestones=2+5,gamma=0.1", 1.0, 100);
  EXPECT_DOUBLE_EQ(learning_rate_at(multistep, 1), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(multistep, 2), 0.1);
  EXPECT_NEAR(learning_rate_at(multistep, 5), 0.01, 1e-17);
  EXPECT_NEAR(learning_rate_at(with_rate("exponential:gamma=0.9", 2.0, 100), 3), 2 * 0.729, 1e-15);
  EXPECT_DOUBLE_EQ(learning_rate_at(with_rate("inverse_time:decay=0.5", 1.0, 100), 4), 1.0 / 3.0);
  const Schedule polynomial = with_rate("polynomial:power=2,minimum=0.1", 1.1, 10);
  EXPECT_NEAR(learning_rate_at(polynomial, 5), 0.1 + 0.25, 1e-15);
  EXPECT_NEAR(learning_rate_at(polynomial, 10), 0.1, 1e-15);
  const Schedule cosine = with_rate("cosine:minimum=0.2", 1.0, 8);
  EXPECT_NEAR(learning_rate_at(cosine, 0), 1.0, 1e-15);
  EXPECT_NEAR(learning_rate_at(cosine, 4), 0.6, 1e-15);
  EXPECT_NEAR(learning_rate_at(cosine, 2), 0.2 + 0.4 * (1 + std::sqrt(0.5)), 1e-15);
  EXPECT_NEAR(learning_rate_at(cosine, 8), 0.2, 1e-15);
  EXPECT_NEAR(learning_rate_at(cosine, 1000), 0.2, 1e-15);
}

TEST(Schedule, FollowsTheFormulaOfItsSource) {
  const auto rate = [](std::string_view text, std::int64_t step) {
    return learning_rate_at(with_rate(text, 0.8, 10), step);
  };
  EXPECT_NEAR(rate("linear:minimum=0.3", 4), 0.3 + 0.5 * 0.6, 1e-15);
  EXPECT_NEAR(rate("inverse_sqrt:timescale=4", 12), 0.4, 1e-15);
  EXPECT_NEAR(rate("inverse_sqrt", 3), 0.4, 1e-15);
  EXPECT_NEAR(rate("inverse_scaling", 0), 0.8, 1e-15);
  EXPECT_NEAR(rate("inverse_scaling:power=0.5", 15), 0.2, 1e-15);
  EXPECT_NEAR(rate("optimal:alpha=0.25", 0), 0.8, 1e-15);
  EXPECT_NEAR(rate("optimal:alpha=0.25", 5), 1 / (0.25 * (1 / (0.25 * 0.8) + 5)), 1e-15);
  EXPECT_NEAR(rate("vowpal_wabbit:every=4,gamma=0.5,power=2,timescale=3", 9), 0.8 / 16 / 4, 1e-15);
  EXPECT_NEAR(rate("noam:peak=4", 1), 0.4, 1e-15);
  EXPECT_NEAR(rate("noam:peak=4", 3), 0.8, 1e-15);
  EXPECT_NEAR(rate("noam:peak=4", 15), 0.4, 1e-15);
  EXPECT_NEAR(rate("tanh:lower=-1,upper=1,minimum=0.2", 5), 0.5, 1e-15);
  EXPECT_NEAR(rate("tanh:lower=-1,upper=1", 0), 0.4 * (1 + std::tanh(1.0)), 1e-15);
  EXPECT_NEAR(rate("wsd:cooldown=0.4", 6), 0.8, 1e-15);
  EXPECT_NEAR(rate("wsd:cooldown=0.4", 7), 0.4, 1e-15);
  EXPECT_NEAR(rate("trapezoid:cooldown=0.4,minimum=0.4", 9), 0.5, 1e-15);
  EXPECT_NEAR(rate("piecewise:milestones=4+6,factors=0.5+0.1", 2), 0.6, 1e-15);
  EXPECT_NEAR(rate("piecewise:milestones=4+6,factors=0.5+0.1", 5), 0.24, 1e-15);
  EXPECT_NEAR(rate("piecewise:milestones=4+6,factors=0.5+0.1", 60), 0.08, 1e-15);
  EXPECT_NEAR(rate("range_test:div_factor=512", 0), 0.8 / 512, 1e-15);
  EXPECT_NEAR(rate("range_test:div_factor=512", 3), 0.8 / 64, 1e-15);
  EXPECT_NEAR(rate("range_test:div_factor=512", 9), 0.8, 1e-15);
  EXPECT_NEAR(rate("large_constant:scale=0.5", 7), 4.0, 1e-15);
}

// The sequence printed in arXiv 2309.16530: sqrt 2, 2, sqrt 2, 2 + sqrt 2, sqrt 2, 2, sqrt 2, ...
TEST(Schedule, SilverStepsAreThoseOfThePaper) {
  const double root = std::sqrt(2.0);
  const double expected[] = {root, 2, root, 2 + root, root, 2, root, 4 + 2 * root, root};
  const Schedule silver = with_rate("silver", 0.5, 9);
  for (std::int64_t t = 0; t < 9; ++t) {
    EXPECT_NEAR(learning_rate_at(silver, t), 0.5 * expected[t], 1e-14) << t;
  }
}

nlohmann::json pytorch_schedules() {
  std::ifstream file(std::string(STEEPEST_SOURCE_FOLDER) + "/tests/reference/schedules.json");
  return nlohmann::json::parse(file);
}

TEST(Schedule, EqualsPyTorchStepByStep) {
  const nlohmann::json all = pytorch_schedules();
  for (const auto& given : all.at("cases")) {
    const auto text = given.at("schedule").get<std::string>();
    const Schedule schedule =
        with_rate(text, given.at("learning_rate"), given.at("horizon").get<std::int64_t>());
    const auto rates = given.at("rates").get<std::vector<double>>();
    ASSERT_GE(rates.size(), 40U);
    for (std::size_t t = 0; t < rates.size(); ++t) {
      EXPECT_NEAR(learning_rate_at(schedule, static_cast<std::int64_t>(t)), rates[t], 1e-14)
          << text << " at " << t;
    }
  }
}

TEST(Schedule, PlateauEqualsPyTorch) {
  const auto given = pytorch_schedules().at("plateau");
  const Schedule schedule = with_rate(given.at("schedule").get<std::string>(),
                                      given.at("learning_rate"), given.at("horizon"));
  const auto rates = given.at("rates").get<std::vector<double>>();
  const auto objectives = given.at("objectives").get<std::vector<double>>();
  ScheduleState state;
  for (std::size_t t = 0; t < rates.size(); ++t) {
    EXPECT_NEAR(learning_rate_at(schedule, static_cast<std::int64_t>(t), state, objectives[t]),
                rates[t], 1e-15)
        << t;
    note_objective(schedule, objectives[t], state);
  }
}

TEST(Schedule, AdaptiveDividesByFiveWhenTheObjectiveStays) {
  const Schedule schedule = with_rate("adaptive:patience=2,threshold=0.1", 1.0, 100);
  ScheduleState state;
  std::vector<double> rates;
  for (const double objective : {3.0, 2.8, 2.75, 2.74, 2.0, 1.95, 1.92, 1.91}) {
    note_objective(schedule, objective, state);
    rates.push_back(learning_rate_at(schedule, 0, state, objective));
  }
  // Compared with the best so far: 2.75 and 2.74 are two in a row, 1.95 and 1.92 two more.
  const std::vector<double> expected = {1, 1, 1, 0.2, 0.2, 0.2, 0.04, 0.04};
  for (std::size_t i = 0; i < rates.size(); ++i) {
    EXPECT_NEAR(rates[i], expected[i], 1e-15) << i;
  }
}

TEST(Schedule, SomeFollowTheRun) {
  ScheduleState state;
  state.gradient_squares = 15.0;
  EXPECT_NEAR(learning_rate_at(with_rate("adagrad_norm", 2.0, 10), 3, state, 1.0), 0.5, 1e-15);
  const Schedule risk = with_rate("risk_adaptive", 2.0, 10);
  EXPECT_NEAR(learning_rate_at(risk, 3, state, std::log(2.0)), 4.0, 1e-14);
  EXPECT_NEAR(learning_rate_at(risk, 3, state, 1e-9), 2e9, 2.0);
}

TEST(Schedule, ListsKeepTheKeysOfEachSchedule) {
  const auto list = parse_schedule_list(
      "constant,step:every=10,gamma=0.5,cosine,constant:until=20,warmup=3/linear,wsd");
  ASSERT_EQ(list.size(), 5U);
  EXPECT_EQ(to_string(list[1]), "step:every=10,gamma=0.5");
  EXPECT_EQ(list[2].kind, ScheduleKind::cosine);
  EXPECT_EQ(list[3].later_count, 1);
  EXPECT_EQ(list[3].warmup, 3);
  EXPECT_EQ(to_string(list[3]), "constant:warmup=3,until=20/linear:minimum=0");
  EXPECT_THROW(static_cast<void>(parse_schedule_list("gamma=0.5,step")), OptionError);
  EXPECT_THROW(static_cast<void>(parse_schedule_list("")), OptionError);
}

TEST(Schedule, PartsFollowEachOther) {
  const Schedule schedule =
      with_rate("constant:until=4/linear:warmup=1,until=9/step:every=2,gamma=0.5", 1.0, 20);
  const double expected[] = {1, 1, 1, 1, 0.5, 1, 0.75, 0.5, 0.25, 1, 1, 0.5, 0.5, 0.25};
  for (std::int64_t t = 0; t < 14; ++t) {
    EXPECT_NEAR(learning_rate_at(schedule, t), expected[t], 1e-15) << t;
  }
  EXPECT_EQ(to_string(parse_schedule(to_string(schedule))), to_string(schedule));
}

TEST(Schedule, WarmUpIsAPrefixOfAnySchedule) {
  const Schedule schedule = with_rate("step:every=2,gamma=0.5,warmup=3", 1.0, 20);
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 0), 0.25);
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 2), 0.75);
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 3), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 5), 0.5);
}

std::string valid_value(std::string_view key) {
  const std::map<std::string_view, std::string> others = {
      {"milestones", "3+7"}, {"factors", "0.5+0.25"},   {"horizon", "40"},
      {"anneal", "linear"},  {"final_div_factor", "3"}, {"div_factor", "2"},
      {"growth", "2"},       {"quotient", "short"},     {"form", "factor"},
      {"norm", "first"},     {"smoothing", "none"}};
  if (const auto found = others.find(key); found != others.end()) {
    return found->second;
  }
  const std::set<std::string_view> counts = {"every", "warmup",   "period", "multiplier",
                                             "peak",  "patience", "memory"};
  return counts.contains(key) ? "2" : "0.5";
}

// Walks the table: a schedule added there is checked without being named here.
TEST(Schedule, EveryEntryParsesPrintsAndStaysPositive) {
  for (const ScheduleEntry& entry : schedule_table()) {
    std::string text(entry.name);
    char separator = ':';
    for (const ScheduleKey& key : entry.keys) {
      text += separator;
      text += std::string(key.name) + "=" + valid_value(key.name);
      separator = ',';
    }
    Schedule schedule = parse_schedule(text);
    EXPECT_EQ(to_string(parse_schedule(to_string(schedule))), to_string(schedule)) << text;
    EXPECT_EQ(schedule.horizon, 40);
    schedule.learning_rate = 0.75;
    double largest = 0.0;
    for (std::int64_t t = 0; t < 60; ++t) {
      const double rate = learning_rate_at(schedule, t);
      EXPECT_GT(rate, 0.0) << text << " at " << t;
      largest = std::fmax(largest, rate);
    }
    if (entry.kind != ScheduleKind::silver && entry.kind != ScheduleKind::large_constant) {
      EXPECT_LE(largest, 0.75 + 1e-15) << text;
    }
    EXPECT_THROW(static_cast<void>(parse_schedule(std::string(entry.name) + ":bogus=1")),
                 OptionError);
    for (const ScheduleKey& key : entry.keys) {
      EXPECT_THROW(static_cast<void>(parse_schedule(std::string(entry.name) + ":" +
                                                    std::string(key.name) + "=x")),
                   OptionError);
      if (key.required) {
        EXPECT_THROW(static_cast<void>(parse_schedule(entry.name)), OptionError);
      }
    }
  }
}

TEST(Schedule, RefusesValuesOutOfRange) {
  for (const char* text :
       {"step:every=0",
        "exponential:gamma=0",
        "exponential:gamma=1.1",
        "inverse_time:decay=-1",
        "polynomial:power=0",
        "cosine:minimum=-1",
        "multistep:milestones=5+5",
        "multistep:milestones=",
        "cosine:",
        "",
        "cosine:minimum",
        "cosine:minimum=1e999",
        "step:every=2.5",
        "piecewise:milestones=1+2,factors=0.5",
        "one_cycle:anneal=sine",
        "one_cycle:pct_start=1",
        "wsd:cooldown=0",
        "plateau:patience=0",
        "constant/cosine",
        "constant:until=5",
        "constant:until=0/cosine",
        "constant:until=9/cosine:until=9/linear",
        "constant:until=9/plateau",
        "constant:horizon=8,until=3/cosine",
        "constant:until=1/",
        "constant:until=1/linear:until=2/linear:until=3/linear:until=4/linear"}) {
    EXPECT_THROW(static_cast<void>(parse_schedule(text)), OptionError) << text;
  }
}

}  // namespace
}  // namespace steepest::tests
