// SPDX-License-Identifier: Apache-2.0
#include "steepest/update_rule.hpp"

#include <gtest/gtest.h>

#include "kernels/update.hpp"
#include "steepest/error.hpp"

namespace steepest::tests {
namespace {

// Steps of a rule on f(w) = w^2 / 2 from w = 1 with rate 0.1.
std::vector<double> steps_on_parabola(const UpdateRule& rule, int count) {
  std::vector<double> path = {1.0};
  double velocity = 0.0;
  MomentumClock clock;
  for (int step = 0; step < count; ++step) {
    const MomentumPair factor = momentum_of_step(rule, clock);
    path.push_back(apply_rule(rule, factor, 0.1, path.back(), path.back(), velocity));
  }
  return path;
}

TEST(UpdateRule, GradientShrinksByOneMinusRate) {
  const auto path = steps_on_parabola({RuleKind::gradient, 0.0}, 3);
  EXPECT_NEAR(path[3], 0.9 * 0.9 * 0.9, 1e-15);
}

// Worked by hand: v1 = -0.1, w1 = 0.9; v2 = -0.05 - 0.09, w2 = 0.76; v3 = -0.07 - 0.076, w3 =
// 0.614.
TEST(UpdateRule, MomentumByHand) {
  const auto path = steps_on_parabola({RuleKind::momentum, 0.5}, 3);
  EXPECT_NEAR(path[1], 0.9, 1e-15);
  EXPECT_NEAR(path[2], 0.76, 1e-15);
  EXPECT_NEAR(path[3], 0.614, 1e-15);
}

// v1 = -0.1, w1 = 1 - 0.05 - 0.1 = 0.85; v2 = -0.05 - 0.085, w2 = 0.85 - 0.0675 - 0.085 = 0.6975.
TEST(UpdateRule, NesterovByHand) {
  const auto path = steps_on_parabola({RuleKind::nesterov, 0.5}, 2);
  EXPECT_NEAR(path[1], 0.85, 1e-15);
  EXPECT_NEAR(path[2], 0.6975, 1e-15);
}

// The textbook FISTA in its two sequences x and y, against the one-sequence form.
TEST(UpdateRule, AcceleratedIsFista) {
  const auto path = steps_on_parabola({RuleKind::accelerated, 0.0}, 12);
  double x = 1.0;
  double y = 1.0;
  double s = 1.0;
  for (std::size_t step = 0; step < 12; ++step) {
    EXPECT_NEAR(path[step], y, 1e-14);
    const double x_next = y - 0.1 * y;
    const double s_next = (1 + std::sqrt(1 + 4 * s * s)) / 2;
    y = x_next + (s - 1) / s_next * (x_next - x);
    x = x_next;
    s = s_next;
  }
}

TEST(UpdateRule, AcceleratedStartsAnewAfterAnUphillStep) {
  kernels::ModelPlan plan;
  plan.rule.kind = RuleKind::accelerated;
  plan.schedule.learning_rate = 0.1;
  kernels::ModelState state;
  state.clock = {5.0, 0.8};
  const kernels::StepFactors factors = kernels::step_factors(plan, state, 1.0);
  kernels::UpdateSums sums;
  sums.uphill = 1.0;
  finish_update(plan, factors, kernels::UpdateMode::judged_step, 1.0, sums, state);
  EXPECT_EQ(state.clock.s, 1.0);
  EXPECT_EQ(state.clock.velocity_factor, 0.0);
  sums.uphill = -1.0;
  finish_update(plan, kernels::step_factors(plan, state, 1.0), kernels::UpdateMode::judged_step,
                0.9, sums, state);
  EXPECT_GT(state.clock.s, 1.0);
}

TEST(UpdateRule, TextsGoBothWays) {
  for (const char* text : {"gradient", "momentum:0.5", "nesterov:0.95", "accelerated", "lbfgs:7"}) {
    EXPECT_EQ(to_string(parse_rule(text)), text);
  }
  EXPECT_EQ(parse_rule("momentum").momentum, 0.9);
  for (const char* text : {"", "sgd", "momentum:1", "momentum:-0.1", "momentum:x", "gradient:1",
                           "lbfgs:0", "lbfgs:1001", "lbfgs:x"}) {
    EXPECT_THROW(static_cast<void>(parse_rule(text)), OptionError) << text;
  }
}

}  // namespace
}  // namespace steepest::tests
