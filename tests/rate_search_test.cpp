// SPDX-License-Identifier: Apache-2.0
// Schedules that find their rate, on functions of a few variables: their steps against the papers'
// own implementations and by hand.
#include "steepest/rate_search.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "kernels/update.hpp"
#include "steepest/error.hpp"
#include "steepest/explore.hpp"
#include "tests/rate_plans.hpp"

namespace steepest::tests {
namespace {

using kernels::ModelPlan;

// The update of the CPU on f(w) = sum_i a_i (w_i - c_i)^2 / 2 from w = 0, the last element as the
// intercept.
class Quadratic {
 public:
  Quadratic(std::vector<double> curvatures, std::vector<double> centres, const ModelPlan& plan)
      : curvatures_(std::move(curvatures)),
        centres_(std::move(centres)),
        bank_(kernels::BankState::at_start(
            {static_cast<std::int64_t>(curvatures_.size()) - 1, 1, 1}, {plan}, {}, {})) {}

  void step() {
    const double* const w = at();
    kernels::Partials sums;
    sums.partitions = 1;
    double loss = 0.0;
    for (std::size_t i = 0; i < curvatures_.size(); ++i) {
      const double away = w[i] - centres_[i];
      loss += curvatures_[i] * away * away / 2;
      sums.gradient.push_back(curvatures_[i] * away);
    }
    sums.loss = {loss};
    kernels::update(sums, 1, kernels::UpdateMode::judged_step, pool_, bank_);
  }

  [[nodiscard]] const double* at() const { return bank_.parameters_of(0); }
  [[nodiscard]] const double* reported() const { return bank_.reported_of(0); }
  [[nodiscard]] const kernels::ModelState& state() const { return bank_.states.front(); }

 private:
  std::vector<double> curvatures_;
  std::vector<double> centres_;
  kernels::ThreadPool pool_{1};
  kernels::BankState bank_;
};

TEST(RateSearch, EqualsTheReferencesStepByStep) {
  std::ifstream file(std::string(STEEPEST_SOURCE_FOLDER) + "/tests/reference/found_rates.json");
  const auto given = nlohmann::json::parse(file);
  for (const auto& path : given.at("paths")) {
    const auto schedule = path.at("schedule").get<std::string>();
    ModelPlan plan = plan_of(schedule, path.at("rule").get<std::string>(), path.at("rate"));
    plan.tolerances.gradient = 0.0;
    Quadratic walk(given.at("curvatures"), given.at("centres"), plan);
    const auto points = path.at("points").get<std::vector<std::vector<double>>>();
    ASSERT_GE(points.size(), 8U) << schedule;
    // Rates are quotients of small differences: an error of rounding grows from step to step, that
    // of polyak, which leaps from side to side, twofold. The package of prodigy scales epsilon,
    // 1e-8, by the next d, the paper by this one.
    const ScheduleKind kind = plan.schedule.kind;
    const bool loose = kind == ScheduleKind::prodigy || kind == ScheduleKind::polyak;
    const double relative = loose ? 1e-6 : 1e-9;
    const std::size_t compared = kind == ScheduleKind::polyak ? std::size_t{20} : points.size();
    for (std::size_t t = 0; t < compared; ++t) {
      walk.step();
      for (std::size_t i = 0; i < points[t].size(); ++i) {
        ASSERT_NEAR(walk.at()[i], points[t][i], relative * (1e-3 + std::fabs(points[t][i])))
            << schedule << " at " << t << " " << i;
      }
    }
  }
}

// f = w^2 / 2 from the distance 1: w <- w (1 - rate).
double share_after(std::string_view schedule, double rate, int steps) {
  Quadratic walk({1.0, 1.0}, {1.0, 0.0}, plan_of(schedule, "gradient", rate));
  for (int step = 0; step < steps; ++step) {
    walk.step();
  }
  return 1.0 - walk.at()[0];
}

TEST(RateSearch, FirstStepsByHand) {
  EXPECT_NEAR(share_after("polyak:target=0", 1.0, 3), 0.125, 1e-15);  // rate f / g^2 = 1/2
  EXPECT_NEAR(share_after("sps:c=2", 1.0, 2), 0.5625, 1e-15);         // rate 1/4
  EXPECT_NEAR(share_after("sps:c=2", 0.1, 2), 0.81, 1e-15);           // cut to eta
  EXPECT_NEAR(share_after("adgd", 0.1, 2), 0.45, 1e-15);              // 0.9, then rate 1/(2 a)
  // The rates are 0.1, 0.5 and then min(sqrt(1 + 5) 0.5, 1/2).
  EXPECT_NEAR(share_after("adgd", 0.1, 3), 0.225, 1e-15);
  EXPECT_NEAR(share_after("barzilai_borwein", 0.1, 2), 0.0, 1e-15);  // 1/a
  // 0.1, then 0.1 + 0.5 * 1 * 0.9.
  EXPECT_NEAR(share_after("hypergradient:beta=0.5", 0.1, 2), 0.9 * (1 - 0.55), 1e-15);
  EXPECT_NEAR(share_after("hypergradient:beta=0.5,form=factor", 0.1, 2), 0.9 * 0.85, 1e-15);
  // (1 - rate)^2 <= 1 - rate holds up to rate 1: 4 and 2 are refused.
  EXPECT_NEAR(share_after("armijo", 4.0, 1), -3.0, 1e-15);
  EXPECT_NEAR(share_after("armijo", 4.0, 2), -1.0, 1e-15);
  EXPECT_NEAR(share_after("armijo", 4.0, 3), 0.0, 1e-15);
  // 0.01 / |g_0|, |g_0| = 1; then moved 0.01, squares 1 + 0.99^2.
  EXPECT_NEAR(share_after("dog:start=0.01", 1.0, 1), 0.99, 1e-15);
  EXPECT_NEAR(share_after("dog:start=0.01", 1.0, 2), 0.99 * (1 - 0.01 / std::hypot(1.0, 0.99)),
              1e-15);
  EXPECT_NEAR(share_after("d_adaptation:start=0.01", 1.0, 1), 1 - 0.01 / std::sqrt(2.0), 1e-15);
  // Two passes of two steps at 0.1, the mean being the last gradient: s = 0.9^4 - 0.9^2, y = 0.9^3
  // - 0.9, rate s / (2 y) = 0.45 in the third pass, and 2 * 0.45 / 2 smoothed.
  for (const char* text : {"sgd_bb:every=2,share=0.5", "sgd_bb:every=2,share=0.5,smoothing=none"}) {
    EXPECT_NEAR(share_after(text, 0.1, 4), std::pow(0.9, 4), 1e-15);
    EXPECT_NEAR(share_after(text, 0.1, 6), std::pow(0.9, 4) * 0.55 * 0.55, 1e-15);
  }
}

TEST(RateSearch, AWarmUpComesFirst) {
  EXPECT_NEAR(share_after("adgd:warmup=1", 0.2, 1), 0.9, 1e-15);
  EXPECT_NEAR(share_after("adgd:warmup=1", 0.2, 2), 0.45, 1e-15);
  EXPECT_NEAR(share_after("polyak:target=0,warmup=1", 1.0, 1), 0.75, 1e-15);
  EXPECT_NEAR(share_after("polyak:target=0,warmup=1", 1.0, 2), 0.375, 1e-15);
  EXPECT_NEAR(share_after("armijo:warmup=2", 0.3, 2), 0.9 * 0.8, 1e-15);
  EXPECT_NEAR(share_after("sgd_bb:every=2,share=0.5,warmup=5", 0.1, 1), 1 - 0.1 / 6, 1e-15);
}

TEST(RateSearch, WhatIsReportedIsNeverATrialThatWasNotTaken) {
  for (const char* schedule : {"armijo", "barzilai_borwein:memory=1"}) {
    Quadratic walk({1.0, 30.0}, {1.0, -2.0}, plan_of(schedule, "gradient", 40.0));
    double last = 1e300;
    for (int step = 0; step < 200 && walk.state().reason == Reason::running; ++step) {
      walk.step();
      const double* const w = walk.reported();
      const double f = (w[0] - 1) * (w[0] - 1) / 2 + 15 * (w[1] + 2) * (w[1] + 2);
      EXPECT_LE(f, last) << schedule << " " << step;
      EXPECT_NEAR(walk.state().at.objective(), f, 1e-12 * (1 + f));
      last = f;
    }
    EXPECT_LT(last, 1e-3) << schedule;
  }
}

TEST(RateSearch, OfNoSlopeThereIsNoStep) {
  for (const char* schedule : {"polyak:target=-1", "sps", "adgd", "dog", "d_adaptation",
                               "hypergradient:form=factor", "barzilai_borwein", "armijo"}) {
    ModelPlan plan = plan_of(schedule, "gradient", 0.5);
    plan.tolerances.gradient = -1.0;  // not even 0 meets it
    Quadratic walk({1.0, 2.0}, {0.0, 0.0}, plan);
    for (int step = 0; step < 5; ++step) {
      walk.step();
      EXPECT_EQ(walk.at()[0], 0.0) << schedule;
      EXPECT_EQ(walk.at()[1], 0.0) << schedule;
    }
    EXPECT_NE(walk.state().reason, Reason::diverged) << schedule;
  }
}

// However far off the first rate is, and whatever the loss is there.
TEST(RateSearch, ArmijoFindsItsWayFromAnyRate) {
  for (const double rate : {1e-8, 1e8, 1e300}) {
    Quadratic walk({1.0, 3.0}, {1.0, -2.0}, plan_of("armijo", "gradient", rate));
    for (int step = 0; step < 1500 && walk.state().reason == Reason::running; ++step) {
      walk.step();
    }
    EXPECT_NEAR(walk.reported()[0], 1.0, 1e-6) << rate;
    EXPECT_NEAR(walk.reported()[1], -2.0, 1e-6) << rate;
  }
}

// Explore takes them on functions, too: f = x^2 + 8 y^2.
TEST(RateSearch, FindsTheMinimumOfAFunction) {
  const RealFunction f = [](const Point& at) { return at[0] * at[0] + 8 * at[1] * at[1]; };
  for (const char* schedule :
       {"barzilai_borwein", "polyak:target=0", "adgd", "armijo", "hypergradient:beta=0.0005",
        "dog:start=0.1", "d_adaptation:start=0.1", "plateau", "adagrad_norm"}) {
    ExploreOptions options;
    options.start = {2.0, 1.0};
    options.steps = 2000;
    options.schedule = parse_schedule(schedule);
    options.learning_rate = options.schedule.kind == ScheduleKind::adagrad_norm ? 1.0 : 0.0;
    const Exploration run = explore(f, options);
    EXPECT_EQ(run.termination.reason, Reason::gradient) << schedule;
    EXPECT_NEAR(run.end.at[0], 0.0, 1e-6) << schedule;
    EXPECT_NEAR(run.end.at[1], 0.0, 1e-6) << schedule;
  }
  ExploreOptions options;
  options.start = {2.0, 1.0};
  options.schedule = parse_schedule("armijo");
  options.learning_rate = 1.0;
  const Exploration run = explore(f, options);
  EXPECT_FALSE(run.trace[1].accepted);  // f(w - g) is far above f(w)
  EXPECT_TRUE(run.trace.back().accepted);
  options.rule = parse_rule("momentum:0.9");
  EXPECT_THROW(static_cast<void>(explore(f, options)), OptionError);
}

}  // namespace
}  // namespace steepest::tests
