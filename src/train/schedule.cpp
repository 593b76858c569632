// SPDX-License-Identifier: Apache-2.0
// The NAME:key=value texts that choose among schedules.
#include "steepest/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "src/train/option_text.hpp"
#include "src/train/schedule_keys.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

constexpr std::string_view until_key = "until";

const ScheduleEntry& entry_named(std::string_view wanted) {
  const auto& table = schedule_table();
  const auto entry = std::find_if(table.begin(), table.end(), [&](const ScheduleEntry& candidate) {
    return candidate.name == wanted;
  });
  if (entry == table.end()) {
    std::vector<std::string_view> names;
    names.reserve(table.size());
    for (const ScheduleEntry& known : table) {
      names.push_back(known.name);
    }
    throw OptionError(
        fmt::format("schedule \"{}\" is not known: use {}", wanted, join_choices(names)));
  }
  return *entry;
}

const ScheduleEntry& entry_of(ScheduleKind kind) {
  const auto& table = schedule_table();
  return *std::find_if(table.begin(), table.end(),
                       [&](const ScheduleEntry& candidate) { return candidate.kind == kind; });
}

[[noreturn]] void refuse_key(const ScheduleEntry& entry, std::string_view pair) {
  std::vector<std::string_view> names;
  names.reserve(entry.keys.size());
  for (const ScheduleKey& own : entry.keys) {
    names.push_back(own.name);
  }
  throw OptionError(fmt::format("schedule {} does not know \"{}\": its keys are {}, as in {}",
                                entry.name, pair, join_choices(names), "key=value"));
}

// One part; returns the step at which it says it ends, or 0.
std::int64_t parse_part(std::string_view text, Schedule& schedule, ScheduleTerms& terms) {
  const std::size_t colon = text.find(':');
  const ScheduleEntry& entry = entry_named(text.substr(0, colon));
  terms.kind = entry.kind;
  for (const ScheduleKey& key : entry.keys) {
    if (!key.fallback.empty()) {
      read_schedule_key(key.name, key.fallback, schedule, terms);
    }
  }
  std::int64_t until = 0;
  std::vector<std::string_view> given;
  if (colon != std::string_view::npos) {
    for (const std::string_view pair : split(text.substr(colon + 1), ',')) {
      const std::size_t equals = pair.find('=');
      const std::string_view key = pair.substr(0, equals);
      const bool known =
          key == until_key || std::any_of(entry.keys.begin(), entry.keys.end(),
                                          [&](const ScheduleKey& own) { return own.name == key; });
      if (!known || equals == std::string_view::npos) {
        refuse_key(entry, pair);
      }
      const std::string_view value = pair.substr(equals + 1);
      if (key == until_key) {
        until = parse_option_count(until_key, value);
      } else {
        read_schedule_key(key, value, schedule, terms);
      }
      given.push_back(key);
    }
  }
  for (const ScheduleKey& key : entry.keys) {
    if (key.required && std::find(given.begin(), given.end(), key.name) == given.end()) {
      throw OptionError(fmt::format("schedule {0} needs {1}, as in {0}:{1}=VALUE ({2})", entry.name,
                                    key.name, key.meaning));
    }
  }
  return until;
}

void check_part(std::string_view text, const ScheduleTerms& terms) {
  if (terms.kind == ScheduleKind::piecewise && terms.factor_count != terms.milestone_count) {
    throw OptionError(fmt::format("schedule {}: {} milestones need as many factors, not {}", text,
                                  terms.milestone_count, terms.factor_count));
  }
  if (terms.kind == ScheduleKind::armijo && (terms.c >= 1.0 || terms.gamma >= 1.0)) {
    throw OptionError(
        fmt::format("schedule {}: c and gamma must be below 1, or no step is ever found", text));
  }
}

// A part that another follows, or does not.
void check_place(std::string_view text, const ScheduleTerms& terms, bool alone, bool last,
                 std::int64_t start, std::int64_t until) {
  if (!last && until <= start) {
    throw OptionError(fmt::format(
        "schedule {}: a part before / needs until=STEP, the step of the run at which the next "
        "takes over, above {}, as in constant:until=100/cosine",
        text, start));
  }
  if (last && until != 0) {
    throw OptionError(fmt::format(
        "schedule {}: until needs a part that follows, as in constant:until=100/cosine", text));
  }
  if (!alone && watches_run(terms.kind)) {
    throw OptionError(
        fmt::format("schedule {} depends on the run and cannot be one part of several", text));
  }
}

std::string part_text(const Schedule& schedule, const ScheduleTerms& terms, bool last) {
  const ScheduleEntry& entry = entry_of(terms.kind);
  std::string text(entry.name);
  char separator = ':';
  for (const ScheduleKey& key : entry.keys) {
    if (key.name == "horizon" && !last) {
      continue;
    }
    const std::string value = write_schedule_key(key.name, schedule, terms);
    if (!value.empty()) {
      text += fmt::format("{}{}={}", separator, key.name, value);
      separator = ',';
    }
  }
  return text;
}

}  // namespace

Schedule parse_schedule(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, '/');
  constexpr std::size_t most_parts = Schedule::max_later + 1;
  if (parts.size() > most_parts) {
    throw OptionError(fmt::format("schedule {} has {} parts: at most {} can follow each other",
                                  text, parts.size(), most_parts));
  }
  Schedule schedule;
  std::int64_t start = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    ScheduleTerms& terms = i == 0 ? schedule : schedule.later[i - 1];
    const std::int64_t until = parse_part(parts[i], schedule, terms);
    const bool last = i + 1 == parts.size();
    check_part(parts[i], terms);
    check_place(parts[i], terms, parts.size() == 1, last, start, until);
    if (!last) {
      if (schedule.horizon != 0) {
        throw OptionError(fmt::format(
            "schedule {}: horizon is that of the whole run: give it to the last part", text));
      }
      schedule.later_start[schedule.later_count++] = until;
      start = until;
    }
  }
  return schedule;
}

std::vector<Schedule> parse_schedule_list(std::string_view text) {
  std::vector<std::string> texts;
  for (const std::string_view piece : split(text, ',')) {
    const bool is_key = piece.find('=') < piece.find(':');
    if (is_key && !texts.empty()) {
      texts.back() += fmt::format(",{}", piece);
    } else {
      texts.emplace_back(piece);
    }
  }
  std::vector<Schedule> schedules;
  schedules.reserve(texts.size());
  for (const std::string& each : texts) {
    schedules.push_back(parse_schedule(each));
  }
  return schedules;
}

std::string to_string(const Schedule& schedule) {
  std::string text = part_text(schedule, schedule, schedule.later_count == 0);
  for (std::int32_t i = 0; i < schedule.later_count; ++i) {
    const std::size_t part = text.rfind('/') + 1;  // 0 where there is none
    const char separator = text.find(':', part) == std::string::npos ? ':' : ',';
    text += fmt::format("{}until={}/{}", separator, schedule.later_start[i],
                        part_text(schedule, schedule.later[i], i + 1 == schedule.later_count));
  }
  return text;
}

}  // namespace steepest
