// SPDX-License-Identifier: Apache-2.0
// What schedules that find their rate are not used with.
#include "src/train/schedule_pairs.hpp"

#include <gtest/gtest.h>

#include <string>

#include "steepest/error.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

using train::ScheduleProblem;

std::string pair_message(const char* schedule, const char* rule) {
  return thrown_message<OptionError>(
      [&] { train::check_pair(parse_schedule(schedule), parse_rule(rule)); });
}

std::string problem_message(const char* schedule, const ScheduleProblem& problem) {
  return thrown_message<OptionError>(
      [&] { train::check_problem(parse_schedule(schedule), problem); });
}

TEST(SchedulePairs, PairsThatNoTheoryKnowsAreRefused) {
  EXPECT_EQ(pair_message("adgd", "momentum:0.9"),
            "schedule adgd finds rates for steps by gradient, not by momentum:0.9: use --rule "
            "gradient");
  EXPECT_EQ(pair_message("prodigy", "gradient"),
            "schedule prodigy finds rates for steps by adam, not by gradient: use --rule adam");
  EXPECT_EQ(pair_message("dog", "adam"),
            "schedule dog finds rates for steps by gradient or averaged, not by adam:0.9:0.999: "
            "use --rule gradient");
  for (const ScheduleEntry& entry : schedule_table()) {
    Schedule schedule;
    schedule.kind = entry.kind;
    EXPECT_NO_THROW(train::check_pair(schedule, train::natural_rule(schedule))) << entry.name;
    for (const std::string_view usage : rule_names()) {
      const std::string_view rule = usage.substr(0, usage.find(':'));
      if (!finds_rate(entry.kind)) {
        EXPECT_NO_THROW(train::check_pair(schedule, parse_rule(rule))) << entry.name << rule;
      } else if (rule == "accelerated" || rule == "lbfgs" || rule == "nesterov") {
        EXPECT_THROW(train::check_pair(schedule, parse_rule(rule)), OptionError) << entry.name;
      }
    }
  }
}

TEST(SchedulePairs, ProblemsThatTheRateSaysNothingOfAreRefused) {
  ScheduleProblem batches;
  batches.full_batch = false;
  EXPECT_EQ(problem_message("adgd", batches),
            "schedule adgd compares gradients of the whole objective: use --batch-size full");
  EXPECT_EQ(problem_message("polyak:target=0", batches),
            "schedule polyak compares the whole objective with its optimum: use sps, or "
            "--batch-size full");
  EXPECT_NO_THROW(train::check_problem(parse_schedule("sps"), batches));
  ScheduleProblem penalised;
  penalised.l1 = true;
  EXPECT_NE(problem_message("dog", penalised).find("--l1"), std::string::npos);
  ScheduleProblem boxed;
  boxed.constraint = ConstraintKind::box;
  EXPECT_NO_THROW(train::check_problem(parse_schedule("dog"), boxed));
  EXPECT_NE(problem_message("armijo", boxed).find("--constraint"), std::string::npos);
  ScheduleProblem clipped;
  clipped.clipped = true;
  EXPECT_NE(problem_message("prodigy", clipped).find("--clip-norm"), std::string::npos);
  ScheduleProblem conditioned;
  conditioned.preconditioned = true;
  EXPECT_NE(problem_message("adgd", conditioned).find("--preconditioner"), std::string::npos);
  EXPECT_NO_THROW(train::check_problem(parse_schedule("cosine"), conditioned));
}

TEST(SchedulePairs, KeysOutOfRangeAreRefused) {
  for (const char* text :
       {"polyak", "polyak:target=x", "sps:c=0", "armijo:c=1", "armijo:gamma=1", "armijo:growth=0.5",
        "barzilai_borwein:quotient=both", "barzilai_borwein:memory=0", "barzilai_borwein:memory=17",
        "hypergradient:beta=0", "dog:start=0", "d_adaptation:norm=second", "prodigy:beta=1",
        "adgd:eta=1", "adgd:until=5/constant", "constant:until=5/dog"}) {
    EXPECT_THROW(static_cast<void>(parse_schedule(text)), OptionError) << text;
  }
  EXPECT_EQ(thrown_message<OptionError>([] { static_cast<void>(parse_schedule("dog:speed=2")); }),
            "schedule dog does not know \"speed=2\": its keys are start, warmup or horizon, as in "
            "key=value");
}

}  // namespace
}  // namespace steepest::tests
