// SPDX-License-Identifier: Apache-2.0
#include "src/train/schedule_keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "src/train/option_text.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

// A key that is a member of ScheduleTerms.
struct KeyField {
  std::string_view name;
  std::function<void(std::string_view text, ScheduleTerms& terms)> read;
  std::function<std::string(const ScheduleTerms& terms)> write;
};

void require(bool holds, std::string_view key, std::string_view text, std::string_view range) {
  if (!holds) {
    throw OptionError(fmt::format("schedule key {}={}: {}", key, text, range));
  }
}

using Range = bool (*)(double value);

bool is_share(double value) { return value > 0.0 && value <= 1.0; }
bool is_inner_share(double value) { return value > 0.0 && value < 1.0; }
bool is_positive(double value) { return value > 0.0; }
bool is_not_negative(double value) { return value >= 0.0; }
bool is_at_least_one(double value) { return value >= 1.0; }
bool is_any(double /*value*/) { return true; }

constexpr std::string_view share_text = "must be in (0, 1]";
constexpr std::string_view inner_share_text = "must be above 0 and below 1";
constexpr std::string_view positive_text = "must be above 0";
constexpr std::string_view not_negative_text = "must be 0 or more";
constexpr std::string_view at_least_one_text = "must be 1 or more";

KeyField number(std::string_view name, double ScheduleTerms::*member, Range range,
                std::string_view range_text) {
  return {name,
          [=](std::string_view text, ScheduleTerms& terms) {
            const double value = parse_option_number(name, text);
            require(range(value), name, text, range_text);
            terms.*member = value;
          },
          [=](const ScheduleTerms& terms) { return fmt::format("{}", terms.*member); }};
}

KeyField count(std::string_view name, std::int64_t ScheduleTerms::*member, std::int64_t least) {
  return {name,
          [=](std::string_view text, ScheduleTerms& terms) {
            const std::int64_t value = parse_option_count(name, text);
            require(value >= least, name, text, fmt::format("must be at least {}", least));
            terms.*member = value;
          },
          [=](const ScheduleTerms& terms) { return fmt::format("{}", terms.*member); }};
}

void read_milestones(std::string_view text, ScheduleTerms& terms) {
  terms.milestone_count = 0;
  std::int64_t previous = 0;
  for (const std::string_view piece : split(text, '+')) {
    require(terms.milestone_count < ScheduleTerms::max_milestones, "milestones", text,
            "at most 16 steps");
    const std::int64_t at = parse_option_count("milestone", piece);
    require(at > previous, "milestones", text, "steps must increase from 1 up, joined by +");
    terms.milestones[terms.milestone_count++] = at;
    previous = at;
  }
}

void read_factors(std::string_view text, ScheduleTerms& terms) {
  terms.factor_count = 0;
  for (const std::string_view piece : split(text, '+')) {
    require(terms.factor_count < ScheduleTerms::max_milestones, "factors", text,
            "at most 16 numbers");
    const double factor = parse_option_number("factor", piece);
    require(factor >= 0.0, "factors", text, "numbers of 0 or more, joined by +");
    terms.factors[terms.factor_count++] = factor;
  }
}

// A key with one word of a few, in the order of the enumerators.
template <class Member>
KeyField choice(std::string_view name, Member ScheduleTerms::*member,
                std::vector<std::string_view> words) {
  return {name,
          [=](std::string_view text, ScheduleTerms& terms) {
            const auto found = std::find(words.begin(), words.end(), text);
            require(found != words.end(), name, text,
                    fmt::format("must be {}", fmt::join(words, " or ")));
            terms.*member = static_cast<Member>(found - words.begin());
          },
          [=](const ScheduleTerms& terms) {
            return std::string(words[static_cast<std::size_t>(terms.*member)]);
          }};
}

void read_memory(std::string_view text, ScheduleTerms& terms) {
  terms.memory = parse_option_count("memory", text);
  require(terms.memory >= 1 && terms.memory <= ScheduleTerms::max_memory, "memory", text,
          fmt::format("must be from 1 to {}", ScheduleTerms::max_memory));
}

template <class T>
std::string joined(const T* first, std::int32_t count) {
  return fmt::format("{}", fmt::join(first, first + count, "+"));
}

const std::vector<KeyField>& key_fields() {
  static const std::vector<KeyField> fields = {
      {"warmup",
       [](std::string_view text, ScheduleTerms& terms) {
         terms.warmup = parse_option_count("warmup", text);
       },
       [](const ScheduleTerms& terms) {
         return terms.warmup > 0 ? fmt::format("{}", terms.warmup) : std::string();
       }},
      {"milestones", read_milestones,
       [](const ScheduleTerms& terms) { return joined(terms.milestones, terms.milestone_count); }},
      {"factors", read_factors,
       [](const ScheduleTerms& terms) { return joined(terms.factors, terms.factor_count); }},
      {"memory", read_memory,
       [](const ScheduleTerms& terms) { return fmt::format("{}", terms.memory); }},
      choice("anneal", &ScheduleTerms::linear_anneal, {"cosine", "linear"}),
      choice("quotient", &ScheduleTerms::quotient, {"long", "short", "alternating"}),
      choice("form", &ScheduleTerms::multiplicative, {"difference", "factor"}),
      choice("norm", &ScheduleTerms::by_first_norm, {"sum", "first"}),
      choice("smoothing", &ScheduleTerms::as_measured, {"mean", "none"}),
      {"every",
       [](std::string_view text, ScheduleTerms& terms) {
         terms.every = text == "epoch" ? 0 : parse_option_count("every", text);
         require(text == "epoch" || terms.every >= 1, "every", text, "must be at least 1");
       },
       [](const ScheduleTerms& terms) {
         return terms.every > 0 ? fmt::format("{}", terms.every) : std::string("epoch");
       }},
      count("period", &ScheduleTerms::period, 1),
      count("multiplier", &ScheduleTerms::multiplier, 1),
      count("peak", &ScheduleTerms::peak, 1),
      count("patience", &ScheduleTerms::patience, 1),
      number("gamma", &ScheduleTerms::gamma, is_share, share_text),
      number("decay", &ScheduleTerms::decay, is_not_negative, not_negative_text),
      number("power", &ScheduleTerms::power, is_positive, positive_text),
      number("minimum", &ScheduleTerms::minimum, is_not_negative, not_negative_text),
      number("timescale", &ScheduleTerms::timescale, is_positive, positive_text),
      number("alpha", &ScheduleTerms::alpha, is_positive, positive_text),
      number("div_factor", &ScheduleTerms::div_factor, is_at_least_one, at_least_one_text),
      number("final_div_factor", &ScheduleTerms::final_div_factor, is_at_least_one,
             at_least_one_text),
      number("pct_start", &ScheduleTerms::pct_start, is_inner_share, inner_share_text),
      number("cooldown", &ScheduleTerms::cooldown, is_share, share_text),
      number("lower", &ScheduleTerms::lower, is_any, ""),
      number("upper", &ScheduleTerms::upper, is_any, ""),
      number("scale", &ScheduleTerms::scale, is_positive, positive_text),
      number("threshold", &ScheduleTerms::threshold, is_not_negative, not_negative_text),
      number("target", &ScheduleTerms::target, is_any, ""),
      number("c", &ScheduleTerms::c, is_positive, positive_text),
      number("beta", &ScheduleTerms::beta, is_positive, positive_text),
      number("growth", &ScheduleTerms::growth, is_at_least_one, at_least_one_text),
      number("start", &ScheduleTerms::start, is_positive, positive_text),
      number("share", &ScheduleTerms::share, is_positive, positive_text),
  };
  return fields;
}

const KeyField& field_named(std::string_view key) {
  return *std::find_if(key_fields().begin(), key_fields().end(),
                       [&](const KeyField& field) { return field.name == key; });
}

}  // namespace

void read_schedule_key(std::string_view key, std::string_view text, Schedule& schedule,
                       ScheduleTerms& terms) {
  if (key != "horizon") {
    field_named(key).read(text, terms);
    return;
  }
  schedule.horizon = parse_option_count(key, text);
  require(schedule.horizon >= 1, key, text, "at least 1 step");
}

std::string write_schedule_key(std::string_view key, const Schedule& schedule,
                               const ScheduleTerms& terms) {
  if (key != "horizon") {
    return field_named(key).write(terms);
  }
  return schedule.horizon > 0 ? fmt::format("{}", schedule.horizon) : std::string();
}

}  // namespace steepest
