// SPDX-License-Identifier: Apache-2.0
#include "steepest/update_rule.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

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

// A model of C = 1 without intercept, stepped by hand on f(w) = sum_i a_i (w_i - c_i)^2 / 2.
class Walk {
 public:
  explicit Walk(const kernels::ModelPlan& plan, std::size_t elements)
      : plan_(plan), parameters_(elements), velocities_(elements), second_(elements) {
    for (std::size_t i = 0; i < elements; ++i) {
      velocities_[i] = kernels::first_velocity(plan, 0.0);
      second_[i] = kernels::first_second(plan, 0.0);
    }
  }

  void step(const std::vector<double>& gradient) {
    kernels::StepFactors factors = kernels::step_factors(plan_, state_, 1.0);
    kernels::UpdateSums sums;
    for (const double g : gradient) {
      sums.gradient_square += g * g;
    }
    factors.clip = kernels::clip_factor(plan_, sums.gradient_square);
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      parameters_[i] =
          kernels::stepped_parameter(plan_, factors, false, {}, gradient[i], gradient[i],
                                     parameters_[i], velocities_[i], second_[i], sums);
    }
    kernels::finish_update(plan_, factors, kernels::UpdateMode::blind_step, 1.0, sums, state_);
  }

  [[nodiscard]] const std::vector<double>& at() const { return parameters_; }
  [[nodiscard]] const std::vector<double>& reported() const {
    return state_.reports_current ? parameters_ : second_;
  }

 private:
  kernels::ModelPlan plan_;
  kernels::ModelState state_;
  std::vector<double> parameters_;
  std::vector<double> velocities_;
  std::vector<double> second_;
};

nlohmann::json paths() {
  std::ifstream file(std::string(STEEPEST_SOURCE_FOLDER) + "/tests/reference/update_rules.json");
  return nlohmann::json::parse(file);
}

void expect_path(const kernels::ModelPlan& plan, const nlohmann::json& all,
                 const nlohmann::json& points, const std::string& what) {
  const auto a = all["curvatures"].get<std::vector<double>>();
  const auto c = all["centres"].get<std::vector<double>>();
  Walk walk(plan, a.size());
  for (const auto& point : points) {
    std::vector<double> gradient;
    for (std::size_t i = 0; i < a.size(); ++i) {
      gradient.push_back(a[i] * (walk.at()[i] - c[i]));
    }
    walk.step(gradient);
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_NEAR(walk.reported()[i], point[i].get<double>(), 1e-12) << what;
    }
  }
}

kernels::ModelPlan plan_of(const std::string& rule, double rate) {
  kernels::ModelPlan plan;
  plan.rule = parse_rule(rule);
  plan.schedule.learning_rate = rate;
  plan.schedule.horizon = 100;
  return plan;
}

TEST(UpdateRule, PathsAreThoseOfPyTorch) {
  const nlohmann::json all = paths();
  for (const auto& each : all["paths"]) {
    const auto rule = each["rule"].get<std::string>();
    expect_path(plan_of(rule, each["rate"].get<double>()), all, each["points"], rule);
  }
}

TEST(UpdateRule, ScheduleFreeIsThePapersAlgorithm) {
  const nlohmann::json all = paths();
  for (const auto& each : all["schedule_free"]) {
    const auto rule = each["rule"].get<std::string>();
    kernels::ModelPlan plan = plan_of(rule, each["rate"].get<double>());
    plan.schedule.kind = ScheduleKind::inverse_time;
    plan.schedule.decay = each["decay"].get<double>();
    expect_path(plan, all, each["points"], rule);
  }
}

TEST(UpdateRule, LongGradientsAreClipped) {
  const nlohmann::json all = paths();
  const auto& each = all["clipped"];
  kernels::ModelPlan plan = plan_of("gradient", each["rate"].get<double>());
  plan.clip_norm = each["norm"].get<double>();
  expect_path(plan, all, each["points"], "clipped");
}

// m/(1 - B1) over the root of v/(1 - B2) is the gradient's sign in the first step, whatever its
// size.
TEST(UpdateRule, AdamsFirstStepIsTheRate) {
  Walk walk(plan_of("adam", 0.125), 3);
  walk.step({1e-3, -5.0, 2e4});
  EXPECT_NEAR(walk.at()[0], -0.125, 1e-5);
  EXPECT_NEAR(walk.at()[1], 0.125, 1e-9);
  EXPECT_NEAR(walk.at()[2], -0.125, 1e-9);
}

TEST(UpdateRule, AdamwLeavesInterceptsAlone) {
  const kernels::ModelPlan plan = plan_of("adamw:0.5", 0.1);
  const kernels::StepFactors factors = kernels::step_factors(plan, {}, 1.0);
  kernels::UpdateSums sums;
  double first = 0.0;
  double second = 0.0;
  EXPECT_EQ(kernels::stepped_parameter(plan, factors, true, {}, 0.0, 0.0, 2.0, first, second, sums),
            2.0);
  EXPECT_NEAR(
      kernels::stepped_parameter(plan, factors, false, {}, 0.0, 0.0, 2.0, first, second, sums),
      2.0 * (1.0 - 0.1 * 0.5), 1e-15);
}

// A textbook FISTA with soft thresholding in its two sequences, against the one-sequence form.
TEST(UpdateRule, AcceleratedWithAPenaltyIsFista) {
  kernels::ModelPlan plan = plan_of("accelerated", 0.1);
  plan.penalty.l1 = 0.75;
  Walk walk(plan, 1);
  double x = 0.0;
  double y = 0.0;
  double s = 1.0;
  for (int step = 0; step < 12; ++step) {
    const double g = 4.0 * (y - 2.0);
    EXPECT_NEAR(walk.at()[0], y, 1e-14);
    walk.step({g});
    const double forward = y - 0.1 * g;
    const double x_next = std::copysign(std::fmax(std::fabs(forward) - 0.075, 0.0), forward);
    EXPECT_NEAR(walk.reported()[0], x_next, 1e-14);
    const double s_next = (1 + std::sqrt(1 + 4 * s * s)) / 2;
    if ((y - x_next) * (x_next - x) > 0) {  // restarted
      s = 1.0;
      y = x_next + (s - 1) / s_next * (x_next - x);
      x = y;
      break;
    }
    y = x_next + (s - 1) / s_next * (x_next - x);
    x = x_next;
    s = s_next;
  }
}

TEST(UpdateRule, TextsGoBothWays) {
  for (const char* text :
       {"gradient", "momentum:0.5", "nesterov:0.95", "accelerated", "lbfgs:7", "adagrad",
        "rmsprop:0.9", "adam:0.8:0.99", "adamw:0.1", "averaged", "schedule_free:0.75", "newton"}) {
    EXPECT_EQ(to_string(parse_rule(text)), text);
  }
  EXPECT_EQ(parse_rule("momentum").momentum, 0.9);
  EXPECT_EQ(to_string(parse_rule("adam")), "adam:0.9:0.999");
  EXPECT_EQ(to_string(parse_rule("adamw")), "adamw:0.01");
  EXPECT_EQ(to_string(parse_rule("rmsprop")), "rmsprop:0.99");
  for (const char* text :
       {"", "sgd", "momentum:1", "momentum:-0.1", "momentum:x", "gradient:1", "lbfgs:0",
        "lbfgs:1001", "lbfgs:x", "adagrad:1", "rmsprop:1", "adam:0.9", "adam:0.9:1",
        "adam:0.9:0.9:0.9", "adamw:-1", "averaged:2", "newton:2"}) {
    EXPECT_THROW(static_cast<void>(parse_rule(text)), OptionError) << text;
  }
}

}  // namespace
}  // namespace steepest::tests
