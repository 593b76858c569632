// SPDX-License-Identifier: Apache-2.0
// Schedules that find their rate: their steps against the papers' own implementations and by hand,
// in banks, on threads, and what they are not used with.
#include "steepest/rate_search.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "kernels/update.hpp"
#include "src/train/schedule_pairs.hpp"
#include "steepest/error.hpp"
#include "steepest/explore.hpp"
#include "steepest/fit.hpp"
#include "tests/backends.hpp"
#include "tests/problems.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

using kernels::BankPlan;
using kernels::ModelPlan;
using train::ScheduleProblem;

Schedule with_rate(std::string_view text, double rate) {
  Schedule schedule = parse_schedule(text);
  schedule.learning_rate = rate;
  schedule.horizon = 100;
  return schedule;
}

ModelPlan plan_of(std::string_view schedule, std::string_view rule, double rate) {
  ModelPlan plan;
  plan.rule = parse_rule(rule);
  plan.schedule = with_rate(schedule, rate);
  return plan;
}

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
}

TEST(RateSearch, AWarmUpComesFirst) {
  EXPECT_NEAR(share_after("adgd:warmup=1", 0.2, 1), 0.9, 1e-15);
  EXPECT_NEAR(share_after("adgd:warmup=1", 0.2, 2), 0.45, 1e-15);
  EXPECT_NEAR(share_after("polyak:target=0,warmup=1", 1.0, 1), 0.75, 1e-15);
  EXPECT_NEAR(share_after("polyak:target=0,warmup=1", 1.0, 2), 0.375, 1e-15);
  EXPECT_NEAR(share_after("armijo:warmup=2", 0.3, 2), 0.9 * 0.8, 1e-15);
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

constexpr const char* full_batch_schedules[] = {"barzilai_borwein",
                                                "barzilai_borwein:quotient=alternating",
                                                "polyak:target=0.1",
                                                "adgd",
                                                "sps",
                                                "hypergradient",
                                                "dog:start=0.01",
                                                "d_adaptation:start=0.01",
                                                "prodigy:start=0.01",
                                                "armijo",
                                                "adgd:warmup=3",
                                                "hypergradient:form=factor,beta=0.05"};

std::vector<ModelPlan> plans_of_all(bool full_batch) {
  std::vector<ModelPlan> plans;
  for (const char* text : full_batch_schedules) {
    const Schedule schedule = parse_schedule(text);
    const bool whole = schedule.kind == ScheduleKind::barzilai_borwein ||
                       schedule.kind == ScheduleKind::polyak || schedule.kind == ScheduleKind::adgd;
    if (whole && !full_batch) {
      continue;
    }
    ModelPlan plan = plan_of(text, to_string(train::natural_rule(schedule)), 0.3);
    plan.penalty.l2 = 0.05;
    plan.tolerances.gradient = 1e-13;
    plans.push_back(plan);
  }
  return plans;
}

struct Ran {
  std::vector<std::vector<double>> parameters;
  std::vector<std::vector<kernels::StepRecord>> history;
};

Ran run_bank(kernels::Backend& backend, const ProblemShape& shape, std::vector<ModelPlan> models,
             std::int64_t batch, std::int64_t steps) {
  BankPlan bank;
  bank.loss = shape.outputs > 1 ? RowLoss(SoftmaxLoss{}) : RowLoss(LogisticLoss{});
  bank.outputs = shape.outputs;
  bank.batch_size = batch;
  bank.models = std::move(models);
  backend.hold(random_data(shape, true, 3));
  backend.start(bank);
  Ran ran;
  ran.history.resize(bank.models.size());
  backend.run(steps, ran.history);
  for (std::size_t k = 0; k < bank.models.size(); ++k) {
    ran.parameters.push_back(backend.parameters(static_cast<std::int64_t>(k)));
  }
  return ran;
}

TEST(RateSearch, AModelInABankGoesAsItDoesAlone) {
  const ProblemShape shape{300, 5, 1, true};
  for (const std::int64_t batch : {std::int64_t{0}, std::int64_t{64}}) {
    const std::vector<ModelPlan> plans = plans_of_all(batch == 0);
    const auto backend = kernels::make_cpu_backend(2, Precision::fp64);
    const Ran together = run_bank(*backend, shape, plans, batch, 30);
    for (std::size_t k = 0; k < plans.size(); ++k) {
      const Ran alone = run_bank(*backend, shape, {plans[k]}, batch, 30);
      for (std::size_t e = 0; e < 6; ++e) {
        EXPECT_NEAR(together.parameters[k][e], alone.parameters[0][e], 1e-6)
            << to_string(plans[k].schedule) << " " << e;
      }
    }
  }
}

TEST(RateSearch, SameBitsOnAnyNumberOfThreads) {
  const ProblemShape shape{40, 3000, 3, false};  // more elements than one range holds
  const std::vector<ModelPlan> plans = plans_of_all(true);
  const Ran one = run_bank(*kernels::make_cpu_backend(1, Precision::fp64), shape, plans, 0, 8);
  const Ran three = run_bank(*kernels::make_cpu_backend(3, Precision::fp64), shape, plans, 0, 8);
  EXPECT_EQ(one.parameters, three.parameters);
}

// A system that all batches agree on is solved to the last digit, whatever the first rate
// (arXiv 1905.09997, interpolation).
TEST(RateSearch, ArmijoSearchesOnTheBatchOfTheStep) {
  const ProblemShape shape{300, 5, 1, false};
  kernels::TrainingData data = random_data(shape, false, 3);
  for (std::int64_t i = 0; i < shape.rows; ++i) {
    const float* const x = data.features.row(i);
    data.targets[static_cast<std::size_t>(i)] = 1.0 + 2.0 * x[0] - x[1] + 0.5 * x[4];
  }
  BankPlan bank;
  bank.loss = SquaredLoss{};
  bank.batch_size = 50;
  for (const double rate : {0.01, 1.0, 1e6}) {
    bank.models.push_back(plan_of("armijo:c=0.1,gamma=0.7", "gradient", rate));
  }
  const auto backend = kernels::make_cpu_backend(1, Precision::fp64);
  backend->hold(std::move(data));
  backend->start(bank);
  std::vector<std::vector<kernels::StepRecord>> history(3);
  backend->run(300, history);
  backend->evaluate();
  for (std::int64_t k = 0; k < 3; ++k) {
    EXPECT_LT(backend->state(k).at.objective(), 1e-12) << k;
    EXPECT_NEAR(backend->parameters(k)[0], 2.0, 1e-6) << k;
    EXPECT_NEAR(backend->parameters(k)[5], 1.0, 1e-6) << k;
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

class RateSearchOn : public OnEveryBackend {};

TEST_P(RateSearchOn, GoesAsOnTheCpuInDouble) {
  const ProblemShape shape{300, 5, 1, true};
  for (const std::int64_t batch : {std::int64_t{0}, std::int64_t{64}}) {
    std::vector<ModelPlan> plans = plans_of_all(batch == 0);
    if (batch != 0) {  // a batch's searches are for the CPU
      std::erase_if(
          plans, [](const ModelPlan& plan) { return plan.schedule.kind == ScheduleKind::armijo; });
    }
    plans.push_back(plan_of("constant", "momentum:0.5", 0.1));  // beside those that do not search
    const auto backend = make();
    const Ran found = run_bank(*backend, shape, plans, batch, 12);
    const Ran expected =
        run_bank(*kernels::make_cpu_backend(1, Precision::fp64), shape, plans, batch, 12);
    for (std::size_t k = 0; k < plans.size(); ++k) {
      ASSERT_EQ(found.history[k].size(), expected.history[k].size());
      for (std::size_t e = 0; e < 6; ++e) {
        EXPECT_NEAR(found.parameters[k][e], expected.parameters[k][e], tolerance(1e-9, 2e-3))
            << to_string(plans[k].schedule) << " " << e;
      }
    }
  }
}

// Whose steps may be cut short: at the optimum of the box that small steps find.
TEST_P(RateSearchOn, ProjectedStepsReachTheOptimumOfTheBox) {
  const ProblemShape shape{300, 5, 1, true};
  BankPlan bank;
  bank.loss = LogisticLoss{};
  bank.bounds.assign(6, {-0.03, 0.03});
  bank.bounds.back() = {};
  const auto add = [&](const std::string& schedule, double rate, double target) {
    ModelPlan plan = plan_of(schedule, "gradient", rate);
    plan.schedule.target = target;
    plan.penalty.l2 = 0.05;
    plan.is_bounded = true;
    bank.models.push_back(plan);
  };
  add("constant", 1.0, 0.0);
  const auto run = [&](kernels::Backend& backend) {
    backend.hold(random_data(shape, true, 3));
    backend.start(bank);
    std::vector<std::vector<kernels::StepRecord>> history(bank.models.size());
    backend.run(400, history);
    backend.evaluate();
  };
  const auto cpu = kernels::make_cpu_backend(1, Precision::fp64);
  run(*cpu);
  const std::vector<double> best = cpu->parameters(0);
  const double least = cpu->state(0).at.objective();
  EXPECT_EQ(*std::max_element(best.begin(), best.end() - 1), 0.03);  // the box cuts
  bank.models.clear();
  add("polyak:target=0", 1.0, least);
  add("sps", 1.0, 0.0);
  add("dog:start=0.001", 1.0, 0.0);
  const auto backend = make();
  run(*backend);
  for (std::int64_t k = 0; k < 3; ++k) {
    // Where the gradient does not vanish at the optimum, the rate of polyak does.
    const bool slow = k == 0;
    EXPECT_NEAR(backend->state(k).at.objective(), least, slow ? 1e-3 : tolerance(1e-7, 1e-6)) << k;
    for (std::size_t e = 0; e < 6; ++e) {
      EXPECT_NEAR(backend->parameters(k)[e], best[e], slow ? 0.05 : 2e-3) << k << " " << e;
    }
  }
}

TEST_P(RateSearchOn, ArmijoOnBatchesIsForTheCpu) {
  const auto search = [&] {
    run_bank(*make(), {300, 5, 1, false}, {plan_of("armijo", "gradient", 1.0)}, 50, 3);
  };
  if (GetParam().kind == DeviceKind::cpu) {
    EXPECT_NO_THROW(search());
  } else {
    EXPECT_THROW(search(), OptionError);
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, RateSearchOn, testing::ValuesIn(batch_backend_cases()),
                         backend_case_name);

std::string pair_message(const char* schedule, const char* rule) {
  return thrown_message<OptionError>(
      [&] { train::check_pair(parse_schedule(schedule), parse_rule(rule)); });
}

std::string problem_message(const char* schedule, const ScheduleProblem& problem) {
  return thrown_message<OptionError>(
      [&] { train::check_problem(parse_schedule(schedule), problem); });
}

TEST(RateSearch, PairsThatNoTheoryKnowsAreRefused) {
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

TEST(RateSearch, ProblemsThatTheRateSaysNothingOfAreRefused) {
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

TEST(RateSearch, KeysOutOfRangeAreRefused) {
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
