// SPDX-License-Identifier: Apache-2.0
// What a schedule that finds its rate goes with: rules, batches and penalties that its theory
// knows.
#pragma once

#include "steepest/constraint.hpp"
#include "steepest/schedule.hpp"
#include "steepest/update_rule.hpp"

namespace steepest::train {

/// What a schedule is used on, beside the rule.
struct ScheduleProblem {
  bool full_batch = true;
  bool l1 = false;
  ConstraintKind constraint = ConstraintKind::none;
  bool clipped = false;
  bool preconditioned = false;
};

/// The rule that a schedule is used with unless one is named.
[[nodiscard]] UpdateRule natural_rule(const Schedule& schedule);

/// Throws OptionError, which names the rules that go with it, for a schedule whose rate says
/// nothing of steps by this rule. Schedules that do not find their rate go with all rules that have
/// one.
void check_pair(const Schedule& schedule, const UpdateRule& rule);

/// Throws OptionError for a schedule that finds its rate and does not know such a problem.
void check_problem(const Schedule& schedule, const ScheduleProblem& problem);

}  // namespace steepest::train
