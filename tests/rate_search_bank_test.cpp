// SPDX-License-Identifier: Apache-2.0
// Schedules that find their rate, on data: in banks, on threads, on every backend.
#include <gtest/gtest.h>

#include <algorithm>

#include "src/train/schedule_pairs.hpp"
#include "steepest/error.hpp"
#include "tests/backends.hpp"
#include "tests/problems.hpp"
#include "tests/rate_plans.hpp"

namespace steepest::tests {
namespace {

using kernels::BankPlan;
using kernels::ModelPlan;

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
                                                "hypergradient:form=factor,beta=0.05",
                                                "sgd_bb:every=3",
                                                "sgd_bb:every=2,share=1,smoothing=none"};

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

TEST(RateSearchBank, AModelInABankGoesAsItDoesAlone) {
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

TEST(RateSearchBank, SameBitsOnAnyNumberOfThreads) {
  const ProblemShape shape{40, 3000, 3, false};  // more elements than one range holds
  const std::vector<ModelPlan> plans = plans_of_all(true);
  const Ran one = run_bank(*kernels::make_cpu_backend(1, Precision::fp64), shape, plans, 0, 8);
  const Ran three = run_bank(*kernels::make_cpu_backend(3, Precision::fp64), shape, plans, 0, 8);
  EXPECT_EQ(one.parameters, three.parameters);
}

// A system that all batches agree on is solved to the last digit, whatever the first rate
// (arXiv 1905.09997, interpolation).
TEST(RateSearchBank, ArmijoSearchesOnTheBatchOfTheStep) {
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

class RateSearchOn : public OnEveryBackend {};

TEST_P(RateSearchOn, GoesAsOnTheCpuInDouble) {
  const ProblemShape shape{300, 5, 1, true};
  for (const std::int64_t batch : {std::int64_t{0}, std::int64_t{64}}) {
    std::vector<ModelPlan> plans = plans_of_all(batch == 0);
    if (batch != 0) {  // a batch's searches are for the CPU
      std::erase_if(
          plans, [](const ModelPlan& plan) { return plan.schedule.kind == ScheduleKind::armijo; });
    }
    if (steps_in_blocks(GetParam().engine)) {
      std::erase_if(
          plans, [](const ModelPlan& plan) { return plan.schedule.kind == ScheduleKind::sgd_bb; });
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

}  // namespace
}  // namespace steepest::tests
