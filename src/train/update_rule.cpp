// SPDX-License-Identifier: Apache-2.0
#include "steepest/update_rule.hpp"

#include <fmt/format.h>

#include "src/train/option_text.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

struct RuleEntry {
  RuleKind kind;
  std::string_view name;
  std::string_view usage;
  bool takes_momentum;
};

constexpr RuleEntry rules[] = {
    {RuleKind::gradient, "gradient", "gradient", false},
    {RuleKind::momentum, "momentum", "momentum:M", true},
    {RuleKind::nesterov, "nesterov", "nesterov:M", true},
    {RuleKind::accelerated, "accelerated", "accelerated", false},
};

}  // namespace

UpdateRule parse_rule(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view wanted = text.substr(0, colon);
  for (const RuleEntry& entry : rules) {
    if (entry.name != wanted) {
      continue;
    }
    UpdateRule rule;
    rule.kind = entry.kind;
    if (colon == std::string_view::npos) {
      return rule;
    }
    if (!entry.takes_momentum) {
      throw OptionError(fmt::format("rule {} takes no value: \"{}\"", wanted, text));
    }
    rule.momentum = parse_option_number("momentum", text.substr(colon + 1));
    if (rule.momentum < 0.0 || rule.momentum >= 1.0) {
      throw OptionError(fmt::format("momentum {} is outside [0, 1)", rule.momentum));
    }
    return rule;
  }
  throw OptionError(
      fmt::format("rule \"{}\" is not known: use {}", text, join_choices(rule_names())));
}

std::string to_string(const UpdateRule& rule) {
  for (const RuleEntry& entry : rules) {
    if (entry.kind == rule.kind) {
      return entry.takes_momentum ? fmt::format("{}:{}", entry.name, rule.momentum)
                                  : std::string(entry.name);
    }
  }
  return "gradient";
}

std::vector<std::string_view> rule_names() {
  std::vector<std::string_view> names;
  for (const RuleEntry& entry : rules) {
    names.push_back(entry.usage);
  }
  return names;
}

}  // namespace steepest
