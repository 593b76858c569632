// SPDX-License-Identifier: Apache-2.0
#include "src/train/schedule_pairs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "src/train/option_text.hpp"
#include "steepest/error.hpp"

namespace steepest::train {
namespace {

std::string_view name_of(ScheduleKind kind) {
  const auto& table = schedule_table();
  return std::find_if(table.begin(), table.end(),
                      [&](const ScheduleEntry& entry) { return entry.kind == kind; })
      ->name;
}

// The means of points that sps, dog and d_adaptation are analysed at.
std::vector<RuleKind> rules_of(ScheduleKind kind) {
  switch (kind) {
    case ScheduleKind::prodigy:
      return {RuleKind::adam};
    case ScheduleKind::sps:
    case ScheduleKind::dog:
    case ScheduleKind::d_adaptation:
      return {RuleKind::gradient, RuleKind::averaged};
    default:
      return {RuleKind::gradient};
  }
}

bool needs_whole_gradient(ScheduleKind kind) {
  return kind == ScheduleKind::barzilai_borwein || kind == ScheduleKind::adgd ||
         kind == ScheduleKind::polyak;
}

// A projection brings no point of the set farther away, which is all that these need.
bool allows_projection(ScheduleKind kind) {
  return kind == ScheduleKind::polyak || kind == ScheduleKind::sps || kind == ScheduleKind::dog;
}

}  // namespace

UpdateRule natural_rule(const Schedule& schedule) {
  UpdateRule rule;
  rule.kind = rules_of(schedule.kind).front();
  return rule;
}

void check_pair(const Schedule& schedule, const UpdateRule& rule) {
  if (!finds_rate(schedule.kind)) {
    return;
  }
  const std::vector<RuleKind> rules = rules_of(schedule.kind);
  if (std::find(rules.begin(), rules.end(), rule.kind) != rules.end()) {
    return;
  }
  std::vector<std::string> names;
  for (const RuleKind kind : rules) {
    UpdateRule known;
    known.kind = kind;
    names.push_back(to_string(known).substr(0, to_string(known).find(':')));
  }
  throw OptionError(fmt::format("schedule {} finds rates for steps by {}, not by {}: use --rule {}",
                                name_of(schedule.kind), fmt::join(names, " or "), to_string(rule),
                                names.front()));
}

void check_problem(const Schedule& schedule, const ScheduleProblem& problem) {
  const ScheduleKind kind = schedule.kind;
  if (!finds_rate(kind)) {
    return;
  }
  const std::string_view name = name_of(kind);
  const auto refuse = [&](bool refused, std::string_view why) {
    if (refused) {
      throw OptionError(fmt::format("schedule {} {}", name, why));
    }
  };
  refuse(!problem.full_batch && kind == ScheduleKind::polyak,
         "compares the whole objective with its optimum: use sps, or --batch-size full");
  refuse(!problem.full_batch && needs_whole_gradient(kind),
         "compares gradients of the whole objective: use --batch-size full");
  refuse(problem.full_batch && kind == ScheduleKind::sgd_bb,
         "compares passes of batches: use barzilai_borwein, or --batch-size B");
  refuse(problem.l1, "measures the gradient, which --l1 does not have: use another one");
  refuse(problem.constraint != ConstraintKind::none && !allows_projection(kind),
         "does not know steps that a --constraint cuts short: use dog, or a schedule that does not "
         "find its rate");
  refuse(problem.clipped, "finds the length of its steps: leave out --clip-norm");
  refuse(problem.preconditioned,
         "measures along the gradient: leave --preconditioner to auto or none");
}

}  // namespace steepest::train
