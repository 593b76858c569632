// SPDX-License-Identifier: Apache-2.0
#include "steepest/update_rule.hpp"

#include <fmt/format.h>

#include "src/train/option_text.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

enum class Takes { nothing, momentum, pairs, square_decay, two_momenta, weight_decay };

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
    {RuleKind::adagrad, "adagrad", "adagrad", Takes::nothing},
    {RuleKind::rmsprop, "rmsprop", "rmsprop:DECAY", Takes::square_decay},
    {RuleKind::adam, "adam", "adam:B1:B2", Takes::two_momenta},
    {RuleKind::adamw, "adamw", "adamw:DECAY", Takes::weight_decay},
    {RuleKind::averaged, "averaged", "averaged", Takes::nothing},
    {RuleKind::schedule_free, "schedule_free", "schedule_free:B", Takes::momentum},
    {RuleKind::newton, "newton", "newton", Takes::nothing},
};

constexpr std::int64_t most_pairs = 1000;

double parse_share(std::string_view what, std::string_view text) {
  const double share = parse_option_number(what, text);
  if (share < 0.0 || share >= 1.0) {
    throw OptionError(fmt::format("{} {} is outside [0, 1)", what, share));
  }
  return share;
}

void parse_value(const RuleEntry& entry, std::string_view value, UpdateRule& rule) {
  switch (entry.takes) {
    case Takes::nothing:
      throw OptionError(fmt::format("rule {0} takes no value: \"{0}:{1}\"", entry.name, value));
    case Takes::pairs:
      rule.pairs = parse_option_count("pairs of lbfgs", value);
      if (rule.pairs < 1 || rule.pairs > most_pairs) {
        throw OptionError(fmt::format("lbfgs remembers 1 to {} pairs, not {}", most_pairs, value));
      }
      return;
    case Takes::momentum:
      rule.momentum = parse_share("momentum", value);
      return;
    case Takes::square_decay:
      rule.square_decay = parse_share("decay of rmsprop", value);
      return;
    case Takes::two_momenta: {
      const std::vector<std::string_view> both = split(value, ':');
      if (both.size() != 2) {
        throw OptionError(
            fmt::format("rule adam takes two momenta, as in adam:0.9:0.999, not \"{}\"", value));
      }
      rule.momentum = parse_share("first momentum of adam", both[0]);
      rule.square_momentum = parse_share("second momentum of adam", both[1]);
      return;
    }
    case Takes::weight_decay:
      rule.weight_decay = parse_option_number("decay of adamw", value);
      if (rule.weight_decay < 0.0) {
        throw OptionError(fmt::format("decay of adamw {} is below 0", rule.weight_decay));
      }
      return;
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
  if (finds_length(rule.kind)) {
    throw OptionError(
        fmt::format("rule {} finds the length of its steps itself: no learning rate goes with it",
                    to_string(rule)));
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
        case Takes::square_decay:
          return fmt::format("{}:{}", entry.name, rule.square_decay);
        case Takes::two_momenta:
          return fmt::format("{}:{}:{}", entry.name, rule.momentum, rule.square_momentum);
        case Takes::weight_decay:
          return fmt::format("{}:{}", entry.name, rule.weight_decay);
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
