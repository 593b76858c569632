// SPDX-License-Identifier: Apache-2.0
#include "steepest/update_rule.hpp"

#include <fmt/format.h>

#include "src/train/option_text.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

enum class Takes { nothing, momentum, pairs };

struct RuleEntry {
  RuleKind kind;
  std::string_view name;
  std::string_view usage;
  Takes takes;
};

constexpr RuleEntry rules[] = {
    {RuleKind::gradient, "gradient", "gradient", Takes::nothing},
    {RuleKind::momentum, "momentum", "momentum:M", Takes::momentum},
    {RuleKind::nesterov, "nesterov", "nesterov:M", Takes::momentum},
    {RuleKind::accelerated, "accelerated", "accelerated", Takes::nothing},
    {RuleKind::lbfgs, "lbfgs", "lbfgs:PAIRS", Takes::pairs},
};

constexpr std::int64_t most_pairs = 1000;

void parse_value(const RuleEntry& entry, std::string_view value, UpdateRule& rule) {
  if (entry.takes == Takes::nothing) {
    throw OptionError(fmt::format("rule {0} takes no value: \"{0}:{1}\"", entry.name, value));
  }
  if (entry.takes == Takes::pairs) {
    rule.pairs = parse_option_count("pairs of lbfgs", value);
    if (rule.pairs < 1 || rule.pairs > most_pairs) {
      throw OptionError(fmt::format("lbfgs remembers 1 to {} pairs, not {}", most_pairs, value));
    }
    return;
  }
  rule.momentum = parse_option_number("momentum", value);
  if (rule.momentum < 0.0 || rule.momentum >= 1.0) {
    throw OptionError(fmt::format("momentum {} is outside [0, 1)", rule.momentum));
  }
}

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
    if (colon != std::string_view::npos) {
      parse_value(entry, text.substr(colon + 1), rule);
    }
    return rule;
  }
  throw OptionError(
      fmt::format("rule \"{}\" is not known: use {}", text, join_choices(rule_names())));
}

UpdateRule parse_rate_rule(std::string_view text) {
  const UpdateRule rule = parse_rule(text);
  if (rule.kind == RuleKind::lbfgs) {
    throw OptionError(
        "rule lbfgs finds the length of its steps itself: no learning rate goes with it");
  }
  return rule;
}

std::string to_string(const UpdateRule& rule) {
  for (const RuleEntry& entry : rules) {
    if (entry.kind == rule.kind) {
      switch (entry.takes) {
        case Takes::nothing:
          return std::string(entry.name);
        case Takes::momentum:
          return fmt::format("{}:{}", entry.name, rule.momentum);
        case Takes::pairs:
          return fmt::format("{}:{}", entry.name, rule.pairs);
      }
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
