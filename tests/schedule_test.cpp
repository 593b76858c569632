// SPDX-License-Identifier: Apache-2.0
#include "steepest/schedule.hpp"

#include <gtest/gtest.h>

#include <cmath>

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

TEST(Schedule, WarmUpIsAPrefixOfAnySchedule) {
  const Schedule schedule = with_rate("step:every=2,gamma=0.5,warmup=3", 1.0, 20);
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 0), 0.25);
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 2), 0.75);
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 3), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate_at(schedule, 5), 0.5);
}

// Walks the table: a schedule added there is checked without being named here.
TEST(Schedule, EveryEntryParsesPrintsAndStaysPositive) {
  for (const ScheduleEntry& entry : schedule_table()) {
    std::string text(entry.name);
    char separator = ':';
    for (const ScheduleKey& key : entry.keys) {
      text += separator;
      text += std::string(key.name) + (key.name == "milestones"                      ? "=3+7"
                                       : key.name == "horizon"                       ? "=40"
                                       : key.name == "every" || key.name == "warmup" ? "=2"
                                                                                     : "=0.5");
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
    EXPECT_LE(largest, 0.75);
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
  for (const char* text : {"step:every=0", "exponential:gamma=0", "exponential:gamma=1.1",
                           "inverse_time:decay=-1", "polynomial:power=0", "cosine:minimum=-1",
                           "multistep:milestones=5+5", "multistep:milestones=", "cosine:", "",
                           "cosine:minimum", "cosine:minimum=1e999", "step:every=2.5"}) {
    EXPECT_THROW(static_cast<void>(parse_schedule(text)), OptionError) << text;
  }
}

}  // namespace
}  // namespace steepest::tests
