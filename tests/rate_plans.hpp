// SPDX-License-Identifier: Apache-2.0
// Models that a schedule, a rule and a rate say.
#pragma once

#include <string_view>

#include "kernels/backend.hpp"
#include "steepest/schedule.hpp"
#include "steepest/update_rule.hpp"

namespace steepest::tests {

inline Schedule with_rate(std::string_view text, double rate) {
  Schedule schedule = parse_schedule(text);
  schedule.learning_rate = rate;
  schedule.horizon = 100;
  return schedule;
}

inline kernels::ModelPlan plan_of(std::string_view schedule, std::string_view rule, double rate) {
  kernels::ModelPlan plan;
  plan.rule = parse_rule(rule);
  plan.schedule = with_rate(schedule, rate);
  return plan;
}

}  // namespace steepest::tests
