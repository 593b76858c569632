// SPDX-License-Identifier: Apache-2.0
// The fourth move: the step size. A schedule is a pure function from the step to a learning rate;
// a few multiply it by a factor that a small explicit state or the current loss decides.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "steepest/host_device.hpp"
#include "steepest/schedule_terms.hpp"

namespace steepest {

namespace schedules {

STEEPEST_HD inline std::int64_t interval(const ScheduleTerms& terms) {
  return terms.every > 0 ? terms.every : 1;
}

// from at 0, to at 1, along half a cosine or a line.
STEEPEST_HD inline double anneal(double from, double to, double share, bool line) {
  constexpr double pi = 3.14159265358979323846;
  return line ? from + (to - from) * share : to + (from - to) / 2.0 * (1.0 + std::cos(pi * share));
}

STEEPEST_HD inline double one_cycle(const ScheduleTerms& terms, double eta, double t, double left) {
  const double first = eta / terms.div_factor;
  const double last = first / terms.final_div_factor;
  const double top = terms.pct_start * left - 1.0;
  const double end = left - 1.0;
  if (t <= top || end <= top) {
    return anneal(first, eta, top > 0.0 && t < top ? t / top : 1.0, terms.linear_anneal);
  }
  return anneal(eta, last, t < end ? (t - top) / (end - top) : 1.0, terms.linear_anneal);
}

STEEPEST_HD inline double cyclic(const ScheduleTerms& terms, double eta, std::int64_t t) {
  const std::int64_t cycle = t / terms.period;
  const double place = static_cast<double>(t % terms.period) / static_cast<double>(terms.period);
  const double height = place <= 0.5 ? 2.0 * place : 2.0 * (1.0 - place);
  const double base = eta / terms.div_factor;
  double share = 1.0;
  if (terms.kind == ScheduleKind::triangular2) {
    share = std::pow(0.5, static_cast<double>(cycle));
  } else if (terms.kind == ScheduleKind::exp_range) {
    share = std::pow(terms.gamma, static_cast<double>(t));
  }
  return base + (eta - base) * height * share;
}

STEEPEST_HD inline double cosine_restarts(const ScheduleTerms& terms, double eta, std::int64_t t) {
  std::int64_t length = terms.period;
  if (terms.multiplier == 1) {
    t %= length;
  }
  while (t >= length) {
    t -= length;
    length *= terms.multiplier;
  }
  return anneal(eta, terms.minimum, static_cast<double>(t) / static_cast<double>(length), false);
}

// 1 while the rate is flat, then down to 0 over the last `cooldown` of the steps.
STEEPEST_HD inline double cooled(const ScheduleTerms& terms, double done) {
  const double begin = 1.0 - terms.cooldown;
  if (done <= begin) {
    return 1.0;
  }
  const double share = (done - begin) / terms.cooldown;
  return 1.0 - (terms.kind == ScheduleKind::wsd ? std::sqrt(share) : share);
}

STEEPEST_HD inline double interpolated(const ScheduleTerms& terms, std::int64_t t) {
  double from = 0.0;
  double value = 1.0;
  for (std::int32_t i = 0; i < terms.milestone_count; ++i) {
    const auto to = static_cast<double>(terms.milestones[i]);
    if (t < terms.milestones[i]) {
      return value + (terms.factors[i] - value) * (static_cast<double>(t) - from) / (to - from);
    }
    from = to;
    value = terms.factors[i];
  }
  return value;
}

STEEPEST_HD inline double silver(std::int64_t t) {
  constexpr double rho = 2.41421356237309504880;
  double power = rho - 2.0;  // 1 / rho
  for (std::int64_t i = t + 1; i % 2 == 0; i /= 2) {
    power *= rho;
  }
  return 1.0 + power;
}

/// The rate of `step` (>= 0) of a part that lasts `horizon` steps.
STEEPEST_HD inline double rate_of(const ScheduleTerms& terms, double eta, std::int64_t step,
                                  std::int64_t horizon) {
  if (step < terms.warmup) {
    return eta * static_cast<double>(step + 1) / static_cast<double>(terms.warmup + 1);
  }
  const std::int64_t t = step - terms.warmup;
  const std::int64_t left = horizon - terms.warmup;
  const auto time = static_cast<double>(t);
  const double done = left <= 0 || t >= left ? 1.0 : time / static_cast<double>(left);
  const double above = eta - terms.minimum;
  switch (terms.kind) {
    case ScheduleKind::constant:
    case ScheduleKind::plateau:
    case ScheduleKind::adaptive:
    case ScheduleKind::adagrad_norm:
    case ScheduleKind::risk_adaptive:
    case ScheduleKind::barzilai_borwein:
    case ScheduleKind::polyak:
    case ScheduleKind::sps:
    case ScheduleKind::adgd:
    case ScheduleKind::hypergradient:
    case ScheduleKind::dog:
    case ScheduleKind::d_adaptation:
    case ScheduleKind::prodigy:
    case ScheduleKind::armijo:
    case ScheduleKind::sgd_bb:
      return eta;
    case ScheduleKind::step: {
      const std::int64_t drops = t / interval(terms);
      return eta * std::pow(terms.gamma, static_cast<double>(drops));
    }
    case ScheduleKind::multistep: {
      std::int32_t passed = 0;
      while (passed < terms.milestone_count && terms.milestones[passed] <= t) {
        ++passed;
      }
      return eta * std::pow(terms.gamma, static_cast<double>(passed));
    }
    case ScheduleKind::exponential:
      return eta * std::pow(terms.gamma, time);
    case ScheduleKind::inverse_time:
      return eta / (1.0 + terms.decay * time);
    case ScheduleKind::polynomial:
      return terms.minimum + above * std::pow(1.0 - done, terms.power);
    case ScheduleKind::cosine: {
      constexpr double pi = 3.14159265358979323846;
      return terms.minimum + above * 0.5 * (1.0 + std::cos(pi * done));
    }
    case ScheduleKind::linear:
      return terms.minimum + above * (1.0 - done);
    case ScheduleKind::inverse_sqrt:
      return eta * std::sqrt(terms.timescale / (terms.timescale + time));
    case ScheduleKind::inverse_scaling:
      return eta / std::pow(time + 1.0, terms.power);
    case ScheduleKind::optimal:
      return eta / (1.0 + terms.alpha * eta * time);
    case ScheduleKind::vowpal_wabbit: {
      const std::int64_t passes = t / interval(terms);
      return eta * std::pow(terms.timescale / (terms.timescale + time), terms.power) *
             std::pow(terms.gamma, static_cast<double>(passes));
    }
    case ScheduleKind::noam: {
      const double share = (time + 1.0) / static_cast<double>(terms.peak);
      return eta * (share < 1.0 ? share : 1.0 / std::sqrt(share));
    }
    case ScheduleKind::cosine_restarts:
      return cosine_restarts(terms, eta, t);
    case ScheduleKind::triangular:
    case ScheduleKind::triangular2:
    case ScheduleKind::exp_range:
      return cyclic(terms, eta, t);
    case ScheduleKind::one_cycle:
      return one_cycle(terms, eta, time, static_cast<double>(left));
    case ScheduleKind::wsd:
    case ScheduleKind::trapezoid:
      return terms.minimum + above * cooled(terms, done);
    case ScheduleKind::piecewise:
      return eta * interpolated(terms, t);
    case ScheduleKind::tanh:
      return terms.minimum +
             above * 0.5 * (1.0 - std::tanh(terms.lower * (1.0 - done) + terms.upper * done));
    case ScheduleKind::range_test: {
      const double share = left <= 1 || t >= left - 1 ? 1.0 : time / static_cast<double>(left - 1);
      return eta * std::pow(terms.div_factor, share - 1.0);
    }
    case ScheduleKind::silver:
      return eta * silver(t);
    case ScheduleKind::large_constant:
      return eta * terms.scale * static_cast<double>(left > 1 ? left : 1);
  }
  return eta;
}

}  // namespace schedules

/// The learning rate of `step` (>= 0). Pure: the same arguments give the same rate on any device.
/// Of a schedule that watches the run this is the rate before its factor: see below.
STEEPEST_HD inline double learning_rate_at(const Schedule& schedule, std::int64_t step) {
  std::int32_t part = 0;
  while (part < schedule.later_count && step >= schedule.later_start[part]) {
    ++part;
  }
  const std::int64_t first = part == 0 ? 0 : schedule.later_start[part - 1];
  const std::int64_t end =
      part == schedule.later_count ? schedule.horizon : schedule.later_start[part];
  const ScheduleTerms& terms = part == 0 ? schedule : schedule.later[part - 1];
  return schedules::rate_of(terms, schedule.learning_rate, step - first, end - first);
}

/// As above, of a run in the state given whose rows of this step have the mean loss `loss`.
STEEPEST_HD inline double learning_rate_at(const Schedule& schedule, std::int64_t step,
                                           const ScheduleState& state, double loss) {
  const double rate = learning_rate_at(schedule, step);
  switch (schedule.kind) {
    case ScheduleKind::plateau: {
      const double reduced = rate * state.factor;
      const double least = schedule.minimum < rate ? schedule.minimum : rate;
      return reduced > least ? reduced : least;
    }
    case ScheduleKind::adaptive:
      return rate * state.factor;
    case ScheduleKind::adagrad_norm:
      return rate / std::sqrt(1.0 + state.gradient_squares);
    case ScheduleKind::risk_adaptive:
      return loss > 0.0 ? rate / -std::expm1(-loss) : rate;
    default:
      return rate;
  }
}

/// Notes an evaluation of the objective on all rows.
STEEPEST_HD inline void note_objective(const Schedule& schedule, double objective,
                                       ScheduleState& state) {
  if (schedule.kind != ScheduleKind::plateau && schedule.kind != ScheduleKind::adaptive) {
    return;
  }
  const bool by_share = schedule.kind == ScheduleKind::plateau;
  const double wanted =
      by_share ? state.best * (1.0 - schedule.threshold) : state.best - schedule.threshold;
  const bool improved = !state.started || (by_share ? objective < wanted : objective <= wanted);
  if (!state.started || (by_share ? improved : objective < state.best)) {
    state.best = objective;
  }
  state.started = true;
  state.flat = improved ? 0 : state.flat + 1;
  if (!improved && state.flat >= schedule.patience + (by_share ? 1 : 0)) {
    state.factor *= schedule.gamma;
    state.flat = 0;
  }
}

/// A key a schedule understands on the command line, as in `cosine:minimum=0.001,warmup=10`.
struct ScheduleKey {
  std::string_view name;
  std::string_view meaning;
  std::string_view fallback;  ///< the value where it is not given; empty: none
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

/// The names of all schedules, joined by ", ": for help texts.
[[nodiscard]] std::string schedule_names();

/// Parses `NAME` or `NAME:key=value,...`; milestones and factors are joined by `+`, as in
/// `multistep:milestones=100+200,gamma=0.5`. Parts that follow each other are joined by `/`, each
/// but the last with the step of the run at which it ends: `constant:until=100/cosine`. Learning
/// rate and horizon stay 0 where not given.
/// Throws OptionError that lists the valid names or keys, or names the valid range.
[[nodiscard]] Schedule parse_schedule(std::string_view text);

/// The schedules of a list such as `constant,step:every=10,gamma=0.5,cosine`: what begins with
/// `key=` belongs to the schedule before it. Throws OptionError.
[[nodiscard]] std::vector<Schedule> parse_schedule_list(std::string_view text);

/// The text that parse_schedule turns back into the same schedule.
[[nodiscard]] std::string to_string(const Schedule& schedule);

}  // namespace steepest
