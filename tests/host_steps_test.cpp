// SPDX-License-Identifier: Apache-2.0
// Steps on the host over another backend's passes are the steps of the CPU backend.
#include "kernels/host_steps.hpp"

#include <gtest/gtest.h>

#include "tests/problems.hpp"

namespace steepest::tests {
namespace {

constexpr ProblemShape shape{300, 4, 3, true};

kernels::BankPlan plan_of(const char* rule, bool on_simplex) {
  kernels::BankPlan plan;
  plan.loss = SoftmaxLoss{};
  plan.outputs = shape.outputs;
  plan.models.resize(2);
  for (kernels::ModelPlan& model : plan.models) {
    model.rule = parse_rule(rule);
    model.schedule.learning_rate = 0.4;
    model.penalty.l2 = 0.01;
    model.on_simplex = on_simplex;
    model.tolerances.gradient = 1e-9;
  }
  plan.models.back().penalty.l2 = 0.1;
  if (on_simplex) {
    plan.simplex.assign(static_cast<std::size_t>(shape.features), 1.0);
    plan.initial.assign(static_cast<std::size_t>(2 * shape.outputs * (shape.features + 1)), 0.0);
    for (std::size_t c = 0; c < static_cast<std::size_t>(2 * shape.outputs); ++c) {
      plan.initial[c * static_cast<std::size_t>(shape.features + 1)] = 1.0;
    }
  }
  return plan;
}

TEST(HostSteps, AreThoseOfTheCpuBackend) {
  const auto direct = kernels::make_cpu_backend(2, Precision::fp64);
  const auto outer = kernels::make_host_steps_backend(kernels::make_cpu_backend(2, Precision::fp64),
                                                      shape.rows, shape.features, 2);
  for (kernels::Backend* const each : {direct.get(), outer.get()}) {
    each->hold(random_data(shape, true, 5));
  }
  for (const auto& [rule, on_simplex] :
       {std::pair("gradient", false), std::pair("lbfgs:5", false), std::pair("gradient", true)}) {
    std::vector<std::vector<double>> ends;
    std::vector<std::int64_t> steps;
    for (kernels::Backend* const each : {direct.get(), outer.get()}) {
      each->start(plan_of(rule, on_simplex));
      std::vector<std::vector<kernels::StepRecord>> history(2);
      each->run(25, history);
      each->evaluate();
      steps.push_back(std::ssize(history.front()));
      std::vector<double> all(static_cast<std::size_t>(10 * shape.outputs));
      for (std::int64_t model = 0; model < 2; ++model) {
        const std::vector<double> parameters = each->parameters(model);
        all.insert(all.end(), parameters.begin(), parameters.end());
        all.push_back(each->state(model).at.mean_loss);
        all.push_back(each->state(model).at.gradient_max_norm);
        each->scores(model, 7, 10, all.data());
        all.push_back(all.front());
      }
      ends.push_back(std::move(all));
    }
    EXPECT_EQ(steps[0], steps[1]) << rule;
    ASSERT_EQ(ends[0].size(), ends[1].size());
    for (std::size_t i = 0; i < ends[0].size(); ++i) {
      EXPECT_NEAR(ends[0][i], ends[1][i], 1e-9) << rule << " " << i;
    }
  }
}

}  // namespace
}  // namespace steepest::tests
