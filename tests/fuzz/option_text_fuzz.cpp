// SPDX-License-Identifier: Apache-2.0
// libFuzzer: any text as a schedule, a list of schedules, a rule, a loss, a constraint, a list of
// rates, an interval or a device. What is taken reads back from the text it is written as, and a
// schedule has a rate at every step. The first byte says which; the rest is the text.
#include <cmath>

#include "src/cli/sweep_options.hpp"
#include "steepest/constraint.hpp"
#include "steepest/error.hpp"
#include "steepest/objective.hpp"
#include "steepest/schedule.hpp"
#include "steepest/update_rule.hpp"
#include "tests/fuzz/input_file.hpp"

namespace {

using namespace steepest;
using namespace steepest::fuzz;

void check_schedule(Schedule schedule) {
  const std::string text = to_string(schedule);
  require(to_string(parse_schedule(text)) == text, "a schedule reads back");
  if (schedule.learning_rate == 0.0) {
    schedule.learning_rate = 0.5;
  }
  if (schedule.horizon == 0) {
    schedule.horizon = 1000;
  }
  for (const std::int64_t step : {std::int64_t{0}, std::int64_t{1}, std::int64_t{17},
                                  std::int64_t{999}, schedule.horizon - 1, schedule.horizon}) {
    require(!std::isnan(learning_rate_at(schedule, step)), "a schedule has a rate at every step");
  }
}

void parse(unsigned what, std::string_view text) {
  switch (what % 8) {
    case 0:
      check_schedule(parse_schedule(text));
      break;
    case 1:
      for (const Schedule& schedule : parse_schedule_list(text)) {
        check_schedule(schedule);
      }
      break;
    case 2: {
      const std::string written = to_string(parse_rule(text));
      require(to_string(parse_rule(written)) == written, "a rule reads back");
      break;
    }
    case 3: {
      const std::string written = to_string(row_loss_named(text));
      require(to_string(row_loss_named(written)) == written, "a loss reads back");
      break;
    }
    case 4: {
      const std::string written = to_string(parse_constraint(text));
      require(to_string(parse_constraint(written)) == written, "a constraint reads back");
      break;
    }
    case 5:
      for (const SweepRate& rate : cli::parse_rates(text)) {
        require(rate.value > 0.0 && std::isfinite(rate.value), "a rate is above 0");
      }
      break;
    case 6: {
      CheckpointOptions options;
      parse_checkpoint_interval(text, options);
      require(options.every_steps > 0 || options.every_seconds > 0.0, "an interval is above 0");
      break;
    }
    default:
      static_cast<void>(parse_device(text));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  try {
    parse(data[0], bytes_of(data + 1, size - 1));
  } catch (const OptionError&) {
    // A sentence is a good end.
  }
  return 0;
}
