// SPDX-License-Identifier: Apache-2.0
// Every column starts without a role; each option claims its columns, and no column is claimed
// twice.
#include "src/data/column_plan.hpp"

#include <fmt/format.h>

#include "src/data/excerpt.hpp"
#include "steepest/error.hpp"

namespace steepest::data {
namespace {

enum class Role : std::uint8_t { none, feature, target, weight, ignored };

const char* option_of(Role role) {
  switch (role) {
    case Role::feature:
      return "--features";
    case Role::target:
      return "--target";
    case Role::weight:
      return "--weight";
    case Role::ignored:
      return "--ignore";
    case Role::none:
      break;
  }
  return "no option";
}

class Roles {
 public:
  explicit Roles(const ColumnNames& names)
      : names_(names), roles_(static_cast<std::size_t>(names.size()), Role::none) {}

  [[nodiscard]] Role of(std::int64_t column) const {
    return roles_[static_cast<std::size_t>(column)];
  }

  std::int64_t claim(const std::string& text, Role role) {
    const std::int64_t column = names_.resolve(text, option_of(role));
    Role& held = roles_[static_cast<std::size_t>(column)];
    const bool twice = held == role && (role == Role::target || role == Role::weight);
    if (twice) {
      throw OptionError(fmt::format("{} names column {} ({}) twice", option_of(role), column + 1,
                                    quoted(names_[column])));
    }
    if (held != Role::none && held != role) {
      throw OptionError(
          fmt::format("column {} ({}) is named by both {} and {}; it can have one "
                      "role only",
                      column + 1, quoted(names_[column]), option_of(held), option_of(role)));
    }
    held = role;
    return column;
  }

 private:
  const ColumnNames& names_;
  std::vector<Role> roles_;
};

// Whether all present targets in the head are numbers.
bool targets_look_numeric(const std::vector<std::int64_t>& columns, const HeadSample& sample) {
  for (const std::int64_t column : columns) {
    const HeadColumn& seen = sample.columns[static_cast<std::size_t>(column)];
    if (seen.numbers < seen.present) {
      return false;
    }
  }
  return true;
}

void decide_target_kind(ColumnPlan& plan, const HeadSample& sample, TargetKind kind) {
  const bool several = plan.target_columns.size() > 1;
  if (several && kind == TargetKind::classes) {
    throw OptionError("a softmax model has one target; --target names several");
  }
  if (kind == TargetKind::automatic) {
    plan.targets_are_classes =
        plan.target_columns.size() == 1 && !targets_look_numeric(plan.target_columns, sample);
    plan.numbers_were_assumed = !several && !plan.targets_are_classes;
  } else {
    plan.targets_are_classes = kind == TargetKind::classes && !plan.target_columns.empty();
  }
}

void mark_categorical(ColumnPlan& plan, const ColumnNames& names, const Roles& roles,
                      const ReadOptions& options) {
  for (const std::string& text : options.categorical) {
    const std::int64_t column = names.resolve(text, "--categorical");
    std::size_t slot = 0;
    while (slot < plan.features.size() && plan.feature_columns[slot] != column) {
      ++slot;
    }
    if (slot == plan.features.size()) {
      const Role role = roles.of(column);
      throw OptionError(
          fmt::format("column {} ({}) is categorical, so it must be a feature, but {}", column + 1,
                      quoted(names[column]),
                      role == Role::none ? std::string("--features leaves it out")
                                         : fmt::format("{} names it too", option_of(role))));
    }
    plan.features[slot].kind = ColumnKind::categorical;
  }
}

}  // namespace

ColumnPlan plan_columns(const ColumnNames& names, const HeadSample& sample,
                        const ReadOptions& options) {
  Roles roles(names);
  ColumnPlan plan;
  for (const std::string& text : options.targets) {
    plan.target_columns.push_back(roles.claim(text, Role::target));
    plan.target_names.push_back(names[plan.target_columns.back()]);
  }
  if (!options.weight.empty()) {
    plan.weight_column = roles.claim(options.weight, Role::weight);
    plan.weight_name = names[plan.weight_column];
  }
  for (const std::string& text : options.ignore) {
    roles.claim(text, Role::ignored);
  }
  for (const std::string& text : options.features) {
    roles.claim(text, Role::feature);
  }
  const Role wanted = options.features.empty() ? Role::none : Role::feature;
  for (std::int64_t column = 0; column < names.size(); ++column) {
    if (roles.of(column) == wanted) {
      plan.feature_columns.push_back(column);
      plan.features.push_back({names[column], ColumnKind::numeric, {}, {}});
    }
  }
  mark_categorical(plan, names, roles, options);
  if (plan.features.empty()) {
    throw InputError(Location{names.file()},
                     fmt::format("no column is left to be a feature. {}", names.suggestion("")));
  }
  decide_target_kind(plan, sample, options.target_kind);
  return plan;
}

}  // namespace steepest::data
