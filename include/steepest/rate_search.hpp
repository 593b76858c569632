// SPDX-License-Identifier: Apache-2.0
// Schedules that find the rate of a step from its gradient, what they remember, and how a step that
// proved too long is taken back. Formulas and sources: include/steepest/schedule_terms.hpp.
#pragma once

#include <cmath>
#include <cstdint>

#include "steepest/host_device.hpp"
#include "steepest/schedule.hpp"
#include "steepest/termination.hpp"
#include "steepest/update_rule.hpp"

namespace steepest {

/// Inner products over the parameters of a model: w and g of this step, the point a and the
/// gradient b (prodigy, sgd_bb: see FadingSum) that the schedule remembers.
struct RateSums {
  double penalty = 0.0;          ///< smooth part of the objective beside the mean loss
  double gradient_square = 0.0;  ///< <g, g>
  double point_square = 0.0;     ///< <w, w>
  double moved_square = 0.0;     ///< <w - a, w - a>
  double moved_gradient = 0.0;   ///< <w - a, g>
  double moved_change = 0.0;     ///< <w - a, g - b>
  double change_square = 0.0;    ///< <g - b, g - b>
  double old_gradient = 0.0;     ///< <g, b>
  double old_square = 0.0;       ///< <b, b>
  double fading_norm = 0.0;      ///< |keep b + add g|_1, of prodigy

  STEEPEST_HD void add(const RateSums& other) {
    penalty += other.penalty;
    gradient_square += other.gradient_square;
    point_square += other.point_square;
    moved_square += other.moved_square;
    moved_gradient += other.moved_gradient;
    moved_change += other.moved_change;
    change_square += other.change_square;
    old_gradient += other.old_gradient;
    old_square += other.old_square;
    fading_norm += other.fading_norm;
  }
};

/// What of older gradients fades. Prodigy's sum of gradients: b <- keep b + add g. sgd_bb's mean of
/// gradients is q + b, q being what it was at the start of the pass: b <- keep b + add (g - q), and
/// at the start of a pass first q <- q + b, b <- 0.
struct FadingSum {
  double keep = 0.0;
  double add = 0.0;
};

/// Adds what one element brings to all sums but the penalty.
STEEPEST_HD inline void add_element(double point, double gradient, double old_point,
                                    double old_gradient, const FadingSum& fading, RateSums& sums) {
  const double moved = point - old_point;
  const double change = gradient - old_gradient;
  sums.gradient_square += gradient * gradient;
  sums.point_square += point * point;
  sums.moved_square += moved * moved;
  sums.moved_gradient += moved * gradient;
  sums.moved_change += moved * change;
  sums.change_square += change * change;
  sums.old_gradient += gradient * old_gradient;
  sums.old_square += old_gradient * old_gradient;
  sums.fading_norm += std::fabs(fading.keep * old_gradient + fading.add * gradient);
}

/// Where a rate is looked for.
struct RateQuestion {
  std::int64_t step = 0;            ///< of the run
  double mean_loss = 0.0;           ///< of the step's rows
  double objective_rounding = 0.0;  ///< relative error of an objective
  double rows_share = 1.0;          ///< rows of a step / all rows
};

/// What to do next.
struct RateChoice {
  double rate = 0.0;            ///< >= 0
  double gradient_scale = 1.0;  ///< factor of the gradient before the rule sees it
  double weight = 1.0;          ///< of this step's point in an average of all points
  FadingSum fading;
  bool retreats = false;  ///< step from the point and along the gradient remembered, not from here
  bool gives_up = false;  ///< no rate from the point remembered lowers the objective measurably
  ScheduleState after;
};

namespace schedules {

/// Halvings from the largest number to the smallest.
inline constexpr std::int64_t most_refusals = 2200;

/// Of a square: a step that is shorter beside its point is lost in rounding.
inline constexpr double shortest_square = 1e-32;

/// A pass that moves by less than so many times the rounding of objectives, relative to the point
/// or to the longest pass, has measured rounding.
inline constexpr double roundings_of_a_pass = 50.0;

/// Of Barzilai-Borwein rates, by Raydan 1997.
inline constexpr double nonmonotone_decrease = 1e-4;
inline constexpr double widest_factor = 1e10;

STEEPEST_HD inline bool starts_pass(const Schedule& schedule, std::int64_t measured) {
  return measured % interval(schedule) == 0;
}

STEEPEST_HD inline FadingSum mean_of_pass(const Schedule& schedule) {
  const double spanned = schedule.share * static_cast<double>(interval(schedule));
  const double add = spanned > 1.0 ? 1.0 / spanned : 1.0;
  return {1.0 - add, add};
}

/// B2 of prodigy's rule over steps: what is left of the sums after a step.
STEEPEST_HD inline FadingSum fading_of(const Schedule& schedule, const UpdateRule& rule,
                                       const ScheduleState& state, double eta) {
  if (schedule.kind == ScheduleKind::sgd_bb) {
    return mean_of_pass(schedule);
  }
  if (schedule.kind != ScheduleKind::prodigy) {
    return {};
  }
  const double d = state.measured == 0 ? schedule.start : state.distance;
  const auto t = static_cast<double>(state.measured + 1);
  const double correction =
      std::sqrt(1.0 - std::pow(rule.square_momentum, t)) / (1.0 - std::pow(rule.momentum, t));
  // Over the first d, so that the sums do not begin below the smallest numbers.
  return {std::sqrt(rule.square_momentum), d / schedule.start * d * eta * correction};
}

STEEPEST_HD inline double highest_known(const ScheduleState& state, std::int64_t memory) {
  const std::int64_t count = state.known < memory ? state.known : memory;
  double highest = state.objectives[0];
  for (std::int64_t i = 1; i < count; ++i) {
    highest = state.objectives[i] > highest ? state.objectives[i] : highest;
  }
  return highest;
}

STEEPEST_HD inline std::int64_t memory_of(const Schedule& schedule) {
  return schedule.kind == ScheduleKind::armijo ? 1 : schedule.memory;
}

/// Whether a trial of objective f with <g, b> lowered the objective enough. Within rounding of f
/// the slope along the step decides, which a quadratic makes the same question (Hager and Zhang
/// 2005, approximate Wolfe conditions).
STEEPEST_HD inline bool is_low_enough(const Schedule& schedule, const ScheduleState& state,
                                      double objective, double old_gradient, double rounding) {
  const double c = schedule.kind == ScheduleKind::armijo ? schedule.c : nonmonotone_decrease;
  const double reference = highest_known(state, memory_of(schedule));
  if (objective <= reference - c * state.rate * state.base_square) {
    return true;
  }
  const bool same = std::fabs(objective - reference) <= rounding * std::fabs(reference);
  return same && -old_gradient <= (1.0 - 2.0 * c) * state.base_square;
}

STEEPEST_HD inline double within_reach(const Schedule& schedule, double rate) {
  const double longest = widest_factor * schedule.learning_rate;
  const double shortest = schedule.learning_rate / widest_factor;
  return rate > longest ? longest : rate < shortest ? shortest : rate;
}

STEEPEST_HD inline double borwein_rate(const Schedule& schedule, const ScheduleState& state,
                                       const RateSums& sums) {
  const bool is_long = schedule.quotient == BorweinStep::long_step ||
                       (schedule.quotient == BorweinStep::alternating && state.measured % 2 == 1);
  const double above = is_long ? sums.moved_square : sums.moved_change;
  const double below = is_long ? sums.moved_change : sums.change_square;
  if (!(above > 0.0) || !(below > 0.0)) {
    return state.rate;
  }
  return within_reach(schedule, above / below);
}

STEEPEST_HD inline double malitsky_rate(const ScheduleState& state, const RateSums& sums) {
  const double grown = std::sqrt(1.0 + state.ratio) * state.rate;
  if (!(sums.change_square > 0.0)) {
    return state.measured == 1 ? state.rate : grown;
  }
  const double by_curvature = 0.5 * std::sqrt(sums.moved_square / sums.change_square);
  return state.measured == 1 || by_curvature < grown ? by_curvature : grown;
}

STEEPEST_HD inline double hypergradient_rate(const Schedule& schedule, const ScheduleState& state,
                                             const RateSums& sums) {
  double rate = state.rate + schedule.beta * sums.old_gradient;
  if (schedule.multiplicative) {
    const double norms = std::sqrt(sums.gradient_square) * std::sqrt(sums.old_square);
    rate =
        norms > 0.0 ? state.rate * (1.0 + schedule.beta * sums.old_gradient / norms) : state.rate;
  }
  return rate > 0.0 ? rate : 0.0;
}

STEEPEST_HD inline void choose_by_distance_moved(const Schedule& schedule, double eta,
                                                 const RateSums& sums, RateChoice& choice) {
  ScheduleState& after = choice.after;
  const double moved = after.measured == 0 ? schedule.start * (1.0 + std::sqrt(sums.point_square))
                                           : std::sqrt(sums.moved_square);
  after.distance = moved > after.distance ? moved : after.distance;
  const double squares = after.gradient_squares + sums.gradient_square;
  choice.rate = squares > 0.0 ? eta * after.distance / std::sqrt(squares) : 0.0;
  choice.weight = after.distance;
}

STEEPEST_HD inline void choose_by_estimate(const Schedule& schedule, double eta,
                                           const RateSums& sums, RateChoice& choice) {
  ScheduleState& after = choice.after;
  const bool first = after.measured == 0;
  if (first) {
    after.distance = schedule.start;
    after.first_square = sums.gradient_square;
  }
  const double squares = schedule.by_first_norm
                             ? after.first_square
                             : after.first_square + after.gradient_squares + sums.gradient_square;
  const double rate = squares > 0.0 ? eta * after.distance / std::sqrt(squares) : 0.0;
  choice.rate = rate;
  choice.weight = rate;
  const double gained = first ? 0.0 : -sums.moved_gradient;  // <g, w_0 - w>
  const double moved_square = first ? 0.0 : sums.moved_square;
  after.numerator += rate * gained;
  const double next_square =
      moved_square + 2.0 * rate * gained + rate * rate * sums.gradient_square;
  const double estimate =
      next_square > 0.0 ? schedule.scale * after.numerator / std::sqrt(next_square) : 0.0;
  after.distance = estimate > after.distance ? estimate : after.distance;
}

STEEPEST_HD inline void choose_by_fading_estimate(const Schedule& schedule, double eta,
                                                  const RateSums& sums, RateChoice& choice) {
  ScheduleState& after = choice.after;
  const bool first = after.measured == 0;
  const double d = first ? schedule.start : after.distance;
  choice.rate = eta * d;
  choice.gradient_scale = d;
  const double gained = first ? 0.0 : -sums.moved_gradient;
  after.numerator = choice.fading.keep * after.numerator + choice.fading.add * gained;
  const double estimate =
      sums.fading_norm > 0.0 ? schedule.scale * after.numerator / sums.fading_norm : 0.0;
  after.distance = estimate > d ? estimate : d;
}

// At the start of a pass <w - a, b> is <s, y>: w and the mean of gradients moved so since the last.
STEEPEST_HD inline void choose_by_passes(const Schedule& schedule, double eta, double rounding,
                                         const RateSums& sums, RateChoice& choice) {
  ScheduleState& after = choice.after;
  const std::int64_t passed = after.measured / interval(schedule);
  const auto pass = static_cast<double>(passed);
  if (passed < 2) {
    after.distance = eta;
  } else if (starts_pass(schedule, after.measured)) {
    const double bent = std::fabs(sums.moved_gradient - sums.moved_change);
    double& longest = after.first_square;
    longest = sums.moved_square > longest ? sums.moved_square : longest;
    const double size = sums.point_square > longest ? sums.point_square : longest;
    const double least = roundings_of_a_pass * rounding;
    if (sums.moved_square > least * least * size && bent > 0.0) {
      const double rate = sums.moved_square / (bent * static_cast<double>(interval(schedule)));
      after.distance = within_reach(schedule, rate);
    }
    if (!schedule.as_measured) {
      after.numerator += (std::log(pass * after.distance) - after.numerator) / (pass - 1.0);
      after.distance = std::exp(after.numerator) / pass;
    }
  }
  choice.rate = after.distance;
}

// The rate that the step before suggests, where eta is only the first.
STEEPEST_HD inline double follow_on_rate(const Schedule& schedule, const ScheduleState& state,
                                         const RateQuestion& at, const RateSums& sums) {
  switch (schedule.kind) {
    case ScheduleKind::barzilai_borwein:
      return borwein_rate(schedule, state, sums);
    case ScheduleKind::adgd:
      return malitsky_rate(state, sums);
    case ScheduleKind::hypergradient:
      return hypergradient_rate(schedule, state, sums);
    default: {
      const double grown = state.rate * std::pow(schedule.growth, at.rows_share);
      const double longest = widest_factor * schedule.learning_rate;
      return grown < longest ? grown : longest;
    }
  }
}

}  // namespace schedules

/// The trial before this evaluation was too long: back, with a share of the rate. `sums` are those
/// at the trial; all 0 where it could not be evaluated.
STEEPEST_HD inline RateChoice shorter_trial(const Schedule& schedule, const ScheduleState& state,
                                            const RateSums& sums) {
  RateChoice choice;
  choice.after = state;
  choice.retreats = true;
  choice.rate = state.rate * (schedule.kind == ScheduleKind::armijo ? schedule.gamma : 0.5);
  choice.after.rate = choice.rate;
  choice.after.refusals += 1;
  const bool is_lost = sums.point_square > 0.0 && is_finite(sums.point_square) &&
                       sums.moved_square <= schedules::shortest_square * sums.point_square;
  choice.gives_up = is_lost || choice.after.refusals > schedules::most_refusals;
  return choice;
}

/// Prodigy's factors of this step; 0 for all others.
STEEPEST_HD inline FadingSum fading_sum(const Schedule& schedule, const UpdateRule& rule,
                                        const ScheduleState& state, std::int64_t step) {
  return schedules::fading_of(schedule, rule, state, learning_rate_at(schedule, step));
}

/// The rate of a step of a schedule that finds it: a pure function of what was measured and what is
/// remembered. `sums` were added with fading_sum() of the same state. Without `by_passes` it knows
/// no sgd_bb, and kernels that have no room for it compile without.
template <bool by_passes = true>
STEEPEST_HD inline RateChoice choose_rate(const Schedule& schedule, const UpdateRule& rule,
                                          const ScheduleState& state, const RateQuestion& at,
                                          const RateSums& sums) {
  const double objective = at.mean_loss + sums.penalty;
  if (state.trying && !schedules::is_low_enough(schedule, state, objective, sums.old_gradient,
                                                at.objective_rounding)) {
    return shorter_trial(schedule, state, sums);
  }
  RateChoice choice;
  choice.after = state;
  ScheduleState& after = choice.after;
  const double eta = learning_rate_at(schedule, at.step);
  const double above = objective > schedule.target ? objective - schedule.target : 0.0;
  choice.fading = schedules::fading_of(schedule, rule, state, eta);
  switch (schedule.kind) {
    case ScheduleKind::polyak:
      choice.rate = sums.gradient_square > 0.0 ? eta * above / sums.gradient_square : 0.0;
      break;
    case ScheduleKind::sps:
      choice.rate = above < eta * schedule.c * sums.gradient_square
                        ? above / (schedule.c * sums.gradient_square)
                        : eta;
      break;
    case ScheduleKind::dog:
      schedules::choose_by_distance_moved(schedule, eta, sums, choice);
      break;
    case ScheduleKind::d_adaptation:
      schedules::choose_by_estimate(schedule, eta, sums, choice);
      break;
    case ScheduleKind::prodigy:
      schedules::choose_by_fading_estimate(schedule, eta, sums, choice);
      break;
    case ScheduleKind::sgd_bb:
      if constexpr (by_passes) {
        schedules::choose_by_passes(schedule, eta, at.objective_rounding, sums, choice);
        choice.rate = at.step < schedule.warmup ? eta : choice.rate;
      }
      break;
    default:
      choice.rate = state.measured == 0 || at.step < schedule.warmup
                        ? eta
                        : schedules::follow_on_rate(schedule, state, at, sums);
      break;
  }
  after.ratio = state.rate > 0.0 ? choice.rate / state.rate : 0.0;
  after.rate = choice.rate;
  if (searches(schedule.kind)) {
    after.trying = true;
    after.refusals = 0;
    after.base_square = sums.gradient_square;
    after.objectives[after.known % schedules::memory_of(schedule)] = objective;
    after.known += 1;
  }
  after.measured += 1;
  return choice;
}

/// What is remembered of an element after a step that was not taken back; of sgd_bb see below.
STEEPEST_HD inline void remember_element(const Schedule& schedule, bool first,
                                         const FadingSum& fading, double point, double gradient,
                                         double& old_point, double& old_gradient) {
  const bool by_start = schedule.kind == ScheduleKind::dog ||
                        schedule.kind == ScheduleKind::d_adaptation ||
                        schedule.kind == ScheduleKind::prodigy;
  if (!by_start || first) {
    old_point = point;
  }
  old_gradient = schedule.kind == ScheduleKind::prodigy
                     ? fading.keep * old_gradient + fading.add * gradient
                     : gradient;
}

/// As above, of sgd_bb, after `measured` steps; `old_mean` is q of FadingSum.
STEEPEST_HD inline void remember_of_pass(const Schedule& schedule, std::int64_t measured,
                                         const FadingSum& fading, double point, double gradient,
                                         double& old_point, double& old_gradient,
                                         double& old_mean) {
  if (schedules::starts_pass(schedule, measured)) {
    old_mean = measured == 0 ? 0.0 : old_mean + old_gradient;
    old_gradient = 0.0;
    old_point = point;
  }
  old_gradient = fading.keep * old_gradient + fading.add * (gradient - old_mean);
}

}  // namespace steepest
