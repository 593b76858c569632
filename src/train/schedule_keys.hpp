// SPDX-License-Identifier: Apache-2.0
// The keys of schedules: how a text becomes a setting, within its range, and back.
#pragma once

#include <string>
#include <string_view>

#include "steepest/schedule_terms.hpp"

namespace steepest {

/// Reads `text` as the setting `key`, one that schedule_table() names. Throws OptionError that says
/// the valid range.
void read_schedule_key(std::string_view key, std::string_view text, Schedule& schedule,
                       ScheduleTerms& terms);

/// The text that read_schedule_key() takes; empty where the setting is off.
[[nodiscard]] std::string write_schedule_key(std::string_view key, const Schedule& schedule,
                                             const ScheduleTerms& terms);

}  // namespace steepest
