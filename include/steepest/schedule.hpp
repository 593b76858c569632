// SPDX-License-Identifier: Apache-2.0
// The fourth move: the step size. A schedule is a pure function from the step to a learning rate.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "steepest/host_device.hpp"

namespace steepest {

enum class ScheduleKind : std::int32_t {
  constant,
  step,
  multistep,
  exponential,
  inverse_time,
  polynomial,
  cosine,
};

/// A schedule and its settings; plain data, so that the update kernel can hold it.
/// t counts steps from 0 at the end of the warm-up; T = horizon - warmup is the number left.
///
/// | kind         | rate(t), base rate eta                            | source                  |
/// | ------------ | ------------------------------------------------- | ----------------------- |
/// | constant     | eta                                               |                         |
/// | step         | eta * gamma^floor(t / every)                      | PyTorch StepLR          |
/// | multistep    | eta * gamma^#{m in milestones : m <= t}           | PyTorch MultiStepLR     |
/// | exponential  | eta * gamma^t                                     | PyTorch ExponentialLR   |
/// | inverse_time | eta / (1 + decay * t)                             | Robbins and Monro 1951  |
/// | polynomial   | minimum + (eta - minimum) * (1 - t/T)^power       | PyTorch PolynomialLR    |
/// | cosine       | minimum + (eta - minimum) * (1 + cos(pi t/T)) / 2 | arXiv 1608.03983, eq. 5 |
///
/// Past the horizon polynomial and cosine stay at `minimum`. The warm-up prefix rises linearly:
/// rate(s) = eta * (s + 1) / (warmup + 1) for step s < warmup, so the first rate is never 0.
struct Schedule {
  static constexpr std::int32_t max_milestones = 16;

  ScheduleKind kind = ScheduleKind::constant;
  double learning_rate = 0.0;                    ///< eta, > 0
  std::int64_t horizon = 0;                      ///< steps of the whole run, warm-up included, >= 1
  std::int64_t warmup = 0;                       ///< steps, >= 0
  double gamma = 0.1;                            ///< factor in (0, 1]
  std::int64_t every = 1;                        ///< steps between drops, >= 1
  double decay = 0.0;                            ///< >= 0, per step
  double power = 1.0;                            ///< > 0
  double minimum = 0.0;                          ///< lowest rate, >= 0
  std::int64_t milestones[max_milestones] = {};  ///< steps after the warm-up, increasing
  std::int32_t milestone_count = 0;
};

/// The learning rate of `step` (>= 0). Pure: the same arguments give the same rate on any device.
STEEPEST_HD inline double learning_rate_at(const Schedule& schedule, std::int64_t step) {
  const double eta = schedule.learning_rate;
  if (step < schedule.warmup) {
    return eta * static_cast<double>(step + 1) / static_cast<double>(schedule.warmup + 1);
  }
  const std::int64_t t = step - schedule.warmup;
  const std::int64_t left = schedule.horizon - schedule.warmup;
  const double done =
      left <= 0 || t >= left ? 1.0 : static_cast<double>(t) / static_cast<double>(left);
  switch (schedule.kind) {
    case ScheduleKind::constant:
      return eta;
    case ScheduleKind::step: {
      const std::int64_t drops = t / schedule.every;
      return eta * std::pow(schedule.gamma, static_cast<double>(drops));
    }
    case ScheduleKind::multistep: {
      std::int32_t passed = 0;
      while (passed < schedule.milestone_count && schedule.milestones[passed] <= t) {
        ++passed;
      }
      return eta * std::pow(schedule.gamma, static_cast<double>(passed));
    }
    case ScheduleKind::exponential:
      return eta * std::pow(schedule.gamma, static_cast<double>(t));
    case ScheduleKind::inverse_time:
      return eta / (1.0 + schedule.decay * static_cast<double>(t));
    case ScheduleKind::polynomial:
      return schedule.minimum + (eta - schedule.minimum) * std::pow(1.0 - done, schedule.power);
    case ScheduleKind::cosine: {
      constexpr double pi = 3.14159265358979323846;
      return schedule.minimum + (eta - schedule.minimum) * 0.5 * (1.0 + std::cos(pi * done));
    }
  }
  return eta;
}

/// A key a schedule understands on the command line, as in `cosine:minimum=0.001,warmup=10`.
struct ScheduleKey {
  std::string_view name;
  std::string_view meaning;
  bool required;
};

/// A row of the table of schedules: what `--schedule` accepts, what `--help` prints, what tests
/// walk.
struct ScheduleEntry {
  ScheduleKind kind;
  std::string_view name;
  std::string_view formula;
  std::vector<ScheduleKey> keys;
};

/// Every schedule there is. `warmup` and `horizon` are keys of each.
[[nodiscard]] const std::vector<ScheduleEntry>& schedule_table();

/// Parses `NAME` or `NAME:key=value,...`; milestones are joined by `+`, as in
/// `multistep:milestones=100+200,gamma=0.5`. Learning rate and horizon stay 0 where not given.
/// Throws OptionError that lists the valid names or keys, or names the valid range.
[[nodiscard]] Schedule parse_schedule(std::string_view text);

/// The text that parse_schedule turns back into the same schedule.
[[nodiscard]] std::string to_string(const Schedule& schedule);

}  // namespace steepest
