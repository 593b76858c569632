// SPDX-License-Identifier: Apache-2.0
// The table of schedules and the NAME:key=value texts that choose among them.
#include "steepest/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "src/train/option_text.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

// How a key is read into a Schedule and written back.
struct KeyField {
  std::string_view name;
  void (*read)(std::string_view text, Schedule& schedule);
  std::string (*write)(const Schedule& schedule);
};

void require(bool holds, std::string_view key, std::string_view text, std::string_view range) {
  if (!holds) {
    throw OptionError(fmt::format("schedule key {}={}: {}", key, text, range));
  }
}

void read_milestones(std::string_view text, Schedule& schedule) {
  schedule.milestone_count = 0;
  std::int64_t previous = 0;
  for (const std::string_view piece : split(text, '+')) {
    require(schedule.milestone_count < Schedule::max_milestones, "milestones", text,
            "at most 16 steps");
    const std::int64_t at = parse_option_count("milestone", piece);
    require(at > previous, "milestones", text, "steps must increase from 1 up, joined by +");
    schedule.milestones[schedule.milestone_count++] = at;
    previous = at;
  }
}

std::string write_milestones(const Schedule& schedule) {
  return fmt::format(
      "{}", fmt::join(schedule.milestones, schedule.milestones + schedule.milestone_count, "+"));
}

const KeyField key_fields[] = {
    {"warmup",
     [](std::string_view text, Schedule& s) { s.warmup = parse_option_count("warmup", text); },
     [](const Schedule& s) { return s.warmup > 0 ? fmt::format("{}", s.warmup) : std::string(); }},
    {"horizon",
     [](std::string_view text, Schedule& s) {
       s.horizon = parse_option_count("horizon", text);
       require(s.horizon >= 1, "horizon", text, "at least 1 step");
     },
     [](const Schedule& s) {
       return s.horizon > 0 ? fmt::format("{}", s.horizon) : std::string();
     }},
    {"every",
     [](std::string_view text, Schedule& s) {
       s.every = parse_option_count("every", text);
       require(s.every >= 1, "every", text, "at least 1 step");
     },
     [](const Schedule& s) { return fmt::format("{}", s.every); }},
    {"milestones", read_milestones, write_milestones},
    {"gamma",
     [](std::string_view text, Schedule& s) {
       s.gamma = parse_option_number("gamma", text);
       require(s.gamma > 0.0 && s.gamma <= 1.0, "gamma", text, "must be in (0, 1]");
     },
     [](const Schedule& s) { return fmt::format("{}", s.gamma); }},
    {"decay",
     [](std::string_view text, Schedule& s) {
       s.decay = parse_option_number("decay", text);
       require(s.decay >= 0.0, "decay", text, "must be 0 or more");
     },
     [](const Schedule& s) { return fmt::format("{}", s.decay); }},
    {"power",
     [](std::string_view text, Schedule& s) {
       s.power = parse_option_number("power", text);
       require(s.power > 0.0, "power", text, "must be above 0");
     },
     [](const Schedule& s) { return fmt::format("{}", s.power); }},
    {"minimum",
     [](std::string_view text, Schedule& s) {
       s.minimum = parse_option_number("minimum", text);
       require(s.minimum >= 0.0, "minimum", text, "must be 0 or more");
     },
     [](const Schedule& s) { return fmt::format("{}", s.minimum); }},
};

const KeyField& field_named(std::string_view key) {
  return *std::find_if(std::begin(key_fields), std::end(key_fields),
                       [&](const KeyField& field) { return field.name == key; });
}

// Every schedule takes these beside its own keys.
constexpr ScheduleKey keys_of_all[] = {
    {"warmup", "steps of linear rise before it", false},
    {"horizon", "steps of the whole run; default: the budget of epochs", false},
};

std::vector<ScheduleKey> with_common(std::vector<ScheduleKey> own) {
  own.insert(own.end(), std::begin(keys_of_all), std::end(keys_of_all));
  return own;
}

}  // namespace

const std::vector<ScheduleEntry>& schedule_table() {
  static const std::vector<ScheduleEntry> table = {
      {ScheduleKind::constant, "constant", "eta", with_common({})},
      {ScheduleKind::step, "step", "eta * gamma^floor(t / every)",
       with_common({{"every", "steps between drops", true},
                    {"gamma", "factor of a drop, default 0.1", false}})},
      {ScheduleKind::multistep, "multistep", "eta * gamma^(number of milestones <= t)",
       with_common({{"milestones", "steps of the drops, joined by +", true},
                    {"gamma", "factor of a drop, default 0.1", false}})},
      {ScheduleKind::exponential, "exponential", "eta * gamma^t",
       with_common({{"gamma", "factor of a step", true}})},
      {ScheduleKind::inverse_time, "inverse_time", "eta / (1 + decay * t)",
       with_common({{"decay", "per step", true}})},
      {ScheduleKind::polynomial, "polynomial", "minimum + (eta - minimum) * (1 - t/T)^power",
       with_common(
           {{"power", "exponent, default 1", false}, {"minimum", "last rate, default 0", false}})},
      {ScheduleKind::cosine, "cosine", "minimum + (eta - minimum) * (1 + cos(pi t/T)) / 2",
       with_common({{"minimum", "last rate, default 0", false}})},
  };
  return table;
}

Schedule parse_schedule(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view wanted = text.substr(0, colon);
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
  Schedule schedule;
  schedule.kind = entry->kind;
  std::vector<std::string_view> given;
  if (colon != std::string_view::npos) {
    for (const std::string_view pair : split(text.substr(colon + 1), ',')) {
      const std::size_t equals = pair.find('=');
      const std::string_view key = pair.substr(0, equals);
      const bool known = std::any_of(entry->keys.begin(), entry->keys.end(),
                                     [&](const ScheduleKey& own) { return own.name == key; });
      if (!known || equals == std::string_view::npos) {
        std::vector<std::string_view> names;
        for (const ScheduleKey& own : entry->keys) {
          names.push_back(own.name);
        }
        throw OptionError(fmt::format("schedule {} does not know \"{}\": its keys are {}, as in {}",
                                      wanted, pair, join_choices(names), "key=value"));
      }
      field_named(key).read(pair.substr(equals + 1), schedule);
      given.push_back(key);
    }
  }
  for (const ScheduleKey& key : entry->keys) {
    if (key.required && std::find(given.begin(), given.end(), key.name) == given.end()) {
      throw OptionError(fmt::format("schedule {0} needs {1}, as in {0}:{1}=VALUE ({2})", wanted,
                                    key.name, key.meaning));
    }
  }
  return schedule;
}

std::string to_string(const Schedule& schedule) {
  const auto& table = schedule_table();
  const auto entry = std::find_if(table.begin(), table.end(), [&](const ScheduleEntry& candidate) {
    return candidate.kind == schedule.kind;
  });
  std::string text(entry->name);
  char separator = ':';
  for (const ScheduleKey& key : entry->keys) {
    const std::string value = field_named(key.name).write(schedule);
    if (!value.empty()) {
      text += fmt::format("{}{}={}", separator, key.name, value);
      separator = ',';
    }
  }
  return text;
}

}  // namespace steepest
