// SPDX-License-Identifier: Apache-2.0
// Engine moments: second moments summed where the rows are, steps on the host, the rows as judge.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "kernels/host_steps.hpp"
#include "kernels/state_archive.hpp"
#include "steepest/error.hpp"
#include "tests/backends.hpp"
#include "tests/named_data.hpp"
#include "tests/problems.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

using kernels::Backend;
using kernels::BankPlan;
using kernels::ModelPlan;

const ProblemShape shape{2500, 9, 2, true};

// On the CPU: over its passes, as over those of a GPU.
class MomentsEngine : public OnEveryBackend {
 protected:
  [[nodiscard]] std::unique_ptr<Backend> make_held(kernels::TrainingData data) const {
    auto backend =
        GetParam().kind == DeviceKind::cpu
            ? kernels::make_moments_backend(kernels::make_cpu_backend(2, GetParam().precision), 2)
            : make();
    backend->hold(std::move(data));
    return backend;
  }
};

BankPlan plan_of(const std::vector<const char*>& rules, std::int64_t steps) {
  BankPlan plan;
  plan.loss = SquaredLoss{};
  plan.outputs = shape.outputs;
  for (const char* rule : rules) {
    ModelPlan model;
    model.rule = parse_rule(rule);
    model.schedule.learning_rate = 0.2;
    model.schedule.horizon = steps;
    model.penalty.l2 = 0.01 * static_cast<double>(plan.models.size());
    model.tolerances.gradient = 1e-6;
    plan.models.push_back(model);
  }
  plan.most_steps = steps;
  return plan;
}

std::vector<kernels::StepRecord> run(Backend& backend, std::int64_t steps) {
  std::vector<std::vector<kernels::StepRecord>> history(4);
  backend.run(steps, history);
  return history.front();
}

TEST_P(MomentsEngine, SumsTheMomentsOfTheCpu) {
  for (const ProblemShape& each : {shape, ProblemShape{1, 1, 1}, ProblemShape{5000, 40, 1}}) {
    const auto reference = kernels::make_cpu_backend(2, Precision::fp64);
    reference->hold(random_data(each, false, 3));
    const std::vector<double> expected = reference->moments();
    const std::vector<double> found = make_held(random_data(each, false, 3))->moments();
    const auto width = static_cast<std::size_t>(each.features + 1 + each.outputs);
    ASSERT_EQ(found.size(), width * width);
    ASSERT_EQ(expected.size(), found.size());
    for (std::size_t i = 0; i < width; ++i) {
      for (std::size_t j = 0; j < width; ++j) {
        const double size = std::sqrt(expected[i * width + i] * expected[j * width + j]);
        // Targets and weights have the arithmetic of the pass.
        EXPECT_NEAR(found[i * width + j], expected[i * width + j], size * tolerance(4e-14, 2e-7));
        EXPECT_EQ(found[i * width + j], found[j * width + i]);
      }
    }
  }
}

TEST_P(MomentsEngine, TakesTheStepsOfRows) {
  const std::vector<const char*> rules = {"gradient", "momentum:0.8", "accelerated", "adam"};
  const auto rows = kernels::make_cpu_backend(2, GetParam().precision);
  rows->hold(random_data(shape, false, 5));
  BankPlan plan = plan_of(rules, 2000);
  plan.allow_normal_equations = false;
  rows->start(plan);
  const auto moments = make_held(random_data(shape, false, 5));
  moments->start(plan_of(rules, 2000));
  EXPECT_TRUE(moments->uses_normal_equations());
  EXPECT_EQ(moments->engine(), Engine::moments);
  run(*rows, 2000);
  run(*moments, 2000);
  moments->evaluate();
  for (std::int64_t model = 0; model < 4; ++model) {
    const kernels::ModelState state = moments->state(model);
    EXPECT_EQ(state.reason, rows->state(model).reason) << rules[static_cast<std::size_t>(model)];
    EXPECT_NEAR(state.at.mean_loss, rows->state(model).at.mean_loss, tolerance(1e-12, 1e-6));
    const std::vector<double> expected = rows->parameters(model);
    const std::vector<double> found = moments->parameters(model);
    for (std::size_t e = 0; e < expected.size(); ++e) {
      EXPECT_NEAR(found[e], expected[e], 5e-6) << rules[static_cast<std::size_t>(model)];
    }
  }
}

TEST_P(MomentsEngine, GoesOnToTheSameBits) {
  const auto backend = make_held(random_data(shape, false, 6));
  backend->start(plan_of({"accelerated", "nesterov:0.7"}, 500));
  run(*backend, 20);
  auto written = kernels::StateArchive::writing();
  backend->exchange_state(written);
  run(*backend, 480);
  const std::vector<double> expected = backend->parameters(0);
  const auto other = make_held(random_data(shape, false, 6));
  other->start(plan_of({"accelerated", "nesterov:0.7"}, 500));
  auto read = kernels::StateArchive::reading(written.written(), "the state");
  other->exchange_state(read);
  run(*other, 480);
  EXPECT_EQ(other->parameters(0), expected);
  EXPECT_EQ(other->state(1).step, backend->state(1).step);
}

TEST_P(MomentsEngine, SaysWhatMomentsDoNotHold) {
  const auto backend = make_held(random_data(shape, false, 7));
  const auto refusal = [&](const BankPlan& plan) {
    return thrown_message<OptionError>([&] { backend->start(plan); });
  };
  BankPlan plan = plan_of({"gradient"}, 100);
  plan.loss = HuberLoss{};
  EXPECT_NE(refusal(plan).find("squared loss"), std::string::npos);
  plan = plan_of({"gradient"}, 100);
  plan.batch_size = 50;
  EXPECT_NE(refusal(plan).find("--batch-size full"), std::string::npos);
  EXPECT_NE(refusal(plan_of({"lbfgs:4"}, 100)).find("lbfgs"), std::string::npos);
  plan = plan_of({"gradient"}, 100);
  plan.models.front().schedule.kind = ScheduleKind::adgd;
  EXPECT_NE(refusal(plan).find("find their rate"), std::string::npos);
  const auto wide = make_held(random_data({3, 2000, 1}, false, 8));
  plan = plan_of({"gradient"}, 100);
  plan.outputs = 1;
  EXPECT_NE(thrown_message<OptionError>([&] { wide->start(plan); }).find("2002"),
            std::string::npos);
}

TEST_P(MomentsEngine, Fits) {
  if (GetParam().kind == DeviceKind::cpu) {
    GTEST_SKIP() << "--engine is for a GPU";
  }
  FitOptions options = fit_options();
  options.tolerance_gradient = 1e-5;
  const FitResult found = fit(named_random_data(shape, false, 9), options);
  EXPECT_EQ(found.engine, Engine::moments);
  EXPECT_TRUE(found.normal_equations);
  EXPECT_TRUE(found.termination.converged());
  options.engine = Engine::automatic;
  options.device.kind = DeviceChoice::Kind::cpu;
  const FitResult expected = fit(named_random_data(shape, false, 9), options);
  EXPECT_NEAR(found.at.objective(), expected.at.objective(), 1e-9);
}

INSTANTIATE_TEST_SUITE_P(
    Backends, MomentsEngine,
    testing::Values(BackendCase{DeviceKind::cpu, Precision::fp64, Engine::moments},
                    BackendCase{DeviceKind::cpu, Precision::fp32, Engine::moments},
                    BackendCase{DeviceKind::cuda, Precision::fp64, Engine::moments},
                    BackendCase{DeviceKind::cuda, Precision::fp32, Engine::moments}),
    backend_case_name);

}  // namespace
}  // namespace steepest::tests
