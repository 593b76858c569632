// SPDX-License-Identifier: Apache-2.0
#include "src/explore/moves.hpp"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>

#include "src/explore/random_point.hpp"
#include "steepest/derivative.hpp"
#include "steepest/rate_search.hpp"

namespace steepest {
namespace {

// Beyond this multiple of where it began, f has left for good.
constexpr double explosion = 1e12;
constexpr double epsilon = std::numeric_limits<double>::epsilon();

bool has_exploded(const Walk& walk, double value) {
  const double first = walk.trace.front().value;
  return std::fabs(value - first) > explosion * (1.0 + std::fabs(first));
}

bool fail(Walk& walk, const Point& at, const std::string& inequality) {
  walk.undefined_at = at;
  walk.termination = {Reason::diverged, inequality};
  return false;
}

bool all_finite(const Point& at) {
  return std::all_of(at.begin(), at.end(), [](double x) { return std::isfinite(x); });
}

Point along(const Point& at, const Point& direction, double factor) {
  Point moved = at;
  for (std::size_t i = 0; i < at.size(); ++i) {
    moved[i] += factor * direction[i];
  }
  return moved;
}

std::int64_t steps_taken(const Walk& walk) {
  return static_cast<std::int64_t>(walk.trace.size()) - 1;
}

bool may_step(Walk& walk) {
  if (steps_taken(walk) < walk.options.steps) {
    return true;
  }
  spend(walk);
  return false;
}

// What a schedule remembers of a walk.
struct ScheduleMemory {
  ScheduleState state;
  Point old_point;
  Point old_gradient;
  Point old_mean;
};

RateChoice choose(const Walk& walk, const TraceStep& here, ScheduleMemory& memory) {
  const Schedule& schedule = walk.options.schedule;
  memory.old_point.resize(here.at.size());
  memory.old_gradient.resize(here.at.size());
  memory.old_mean.resize(here.at.size());
  const FadingSum fading = fading_sum(schedule, walk.options.rule, memory.state, here.step);
  RateSums sums;
  for (std::size_t i = 0; i < here.at.size(); ++i) {
    add_element(here.at[i], here.gradient[i], memory.old_point[i], memory.old_gradient[i], fading,
                sums);
  }
  const RateQuestion question{here.step, here.value, 8.0 * epsilon, 1.0};
  RateChoice choice = choose_rate(schedule, walk.options.rule, memory.state, question, sums);
  if (!choice.retreats) {
    for (std::size_t i = 0; i < here.at.size(); ++i) {
      if (schedule.kind == ScheduleKind::sgd_bb) {
        remember_of_pass(schedule, memory.state.measured, choice.fading, here.at[i],
                         here.gradient[i], memory.old_point[i], memory.old_gradient[i],
                         memory.old_mean[i]);
      } else {
        remember_element(schedule, memory.state.measured == 0, choice.fading, here.at[i],
                         here.gradient[i], memory.old_point[i], memory.old_gradient[i]);
      }
    }
    choice.after.gradient_squares += sums.gradient_square;
  }
  memory.state = choice.after;
  return choice;
}

bool is_out_of_reach(const Walk& walk, const Point& at) {
  const double value = walk.f(at);
  return !std::isfinite(value) || has_exploded(walk, value);
}

// As fit's steps: where a schedule searches for its rate, points that it does not take are tried.
void walk_at_found_rates(Walk& walk) {
  const Schedule& schedule = walk.options.schedule;
  ScheduleMemory memory;
  bool going = arrive(walk, walk.options.start, 0.0);
  while (going) {
    const bool may = may_step(walk);
    const Point here = walk.trace.back().at;
    const Point slope = walk.trace.back().gradient;
    RateChoice choice = choose(walk, walk.trace.back(), memory);
    walk.trace.back().accepted = !choice.retreats;
    if (!may) {
      return;
    }
    Point next = choice.retreats ? along(memory.old_point, memory.old_gradient, -choice.rate)
                                 : along(here, slope, -choice.rate);
    while (searches(schedule.kind) && !choice.gives_up && is_out_of_reach(walk, next)) {
      choice = shorter_trial(schedule, memory.state, {});
      memory.state = choice.after;
      next = along(memory.old_point, memory.old_gradient, -choice.rate);
    }
    if (choice.gives_up) {
      walk.termination = {Reason::step, "no step along the slope makes f better"};
      return;
    }
    going = arrive(walk, next, choice.rate);
  }
}

// The rate of the next step of a schedule that does not find it.
double next_rate(const Walk& walk, const TraceStep& here, ScheduleState& state) {
  const Schedule& schedule = walk.options.schedule;
  note_objective(schedule, here.value, state);
  const double rate = learning_rate_at(schedule, here.step, state, here.value);
  for (const double slope : here.gradient) {
    state.gradient_squares += slope * slope;
  }
  return rate;
}

}  // namespace

bool arrive(Walk& walk, const Point& at, double rate) {
  const double value = all_finite(at) ? walk.f(at) : std::nan("");
  if (!std::isfinite(value)) {
    return fail(walk, at, "f is not a finite number at the next point");
  }
  const Point slope = gradient(walk.f, at);
  const double norm = max_norm(slope);
  if (!std::isfinite(norm)) {
    return fail(walk, at, "f has no derivative at the next point");
  }
  walk.trace.push_back(
      {static_cast<std::int64_t>(walk.trace.size()), at, value, slope, rate, true});
  if (has_exploded(walk, value)) {
    walk.termination = {Reason::diverged,
                        fmt::format("|f - f(start)| {:.3g} > {:g} * (1 + |f(start)|)",
                                    std::fabs(value - walk.trace.front().value), explosion)};
    return false;
  }
  const double tolerance = walk.options.tolerance;
  if (norm == 0.0 || (tolerance > 0.0 && norm <= tolerance)) {
    walk.termination = {Reason::gradient,
                        fmt::format("gradient_max_norm {:.3g} <= {:g}", norm, tolerance)};
    return false;
  }
  return true;
}

void spend(Walk& walk) {
  walk.termination = {Reason::epochs, fmt::format("steps {0} >= {0}", walk.options.steps)};
}

void walk_descent(Walk& walk) {
  const UpdateRule& rule = walk.options.rule;
  if (finds_rate(walk.options.schedule.kind)) {
    walk_at_found_rates(walk);
    return;
  }
  ScheduleState state;
  Point velocity(walk.options.start.size(), 0.0);
  MomentumClock clock;
  for (bool going = arrive(walk, walk.options.start, 0.0); going && may_step(walk);) {
    const TraceStep& here = walk.trace.back();
    const double rate = next_rate(walk, here, state);
    const MomentumPair factor = momentum_of_step(rule, clock);
    Point next = here.at;
    double uphill = 0.0;
    for (std::size_t i = 0; i < next.size(); ++i) {
      next[i] = apply_rule(rule, factor, rate, here.gradient[i], here.at[i], velocity[i]);
      uphill += here.gradient[i] * velocity[i];
    }
    if (rule.kind == RuleKind::accelerated && uphill > 0.0) {
      clock.restart();
    }
    going = arrive(walk, next, rate);
  }
}

void walk_backtracking(Walk& walk) {
  constexpr double growth = 1.5;
  constexpr double smallest_share = 1e-18;
  const double first = walk.options.learning_rate;
  double rate = first;
  for (bool going = arrive(walk, walk.options.start, 0.0); going && may_step(walk);) {
    const TraceStep& here = walk.trace.back();
    Point next = along(here.at, here.gradient, -rate);
    // A fall within rounding is none: at twice the best rate f stays as it is.
    const double lower = here.value - 8.0 * epsilon * std::fabs(here.value);
    while (!(walk.f(next) < lower)) {
      rate *= 0.5;
      if (rate < smallest_share * first) {
        walk.termination = {Reason::step, "no step along the slope makes f better"};
        return;
      }
      next = along(here.at, here.gradient, -rate);
    }
    going = arrive(walk, next, rate);
    rate = std::min(growth * rate, first);
  }
}

void walk_newton(Walk& walk) {
  const double damping = walk.options.learning_rate;
  const auto d = static_cast<Eigen::Index>(walk.options.start.size());
  for (bool going = arrive(walk, walk.options.start, 0.0); going && may_step(walk);) {
    const TraceStep& here = walk.trace.back();
    const std::vector<double> values = hessian(walk.f, here.at);
    const Eigen::Map<const Eigen::MatrixXd> curvature(values.data(), d, d);
    const Eigen::Map<const Eigen::VectorXd> slope(here.gradient.data(), d);
    // The shortest step that levels the slope, where one does: a valley floor may be flat one way.
    constexpr double levelled = 1e-8;
    const Eigen::VectorXd step = curvature.completeOrthogonalDecomposition().solve(slope);
    if (!curvature.allFinite() || !((curvature * step - slope).norm() <= levelled * slope.norm())) {
      walk.termination = {Reason::diverged, "the curvature is 0, so Newton's step has no end"};
      return;
    }
    going = arrive(walk, along(here.at, {step.data(), step.data() + d}, -damping), damping);
  }
}

void walk_direct(Walk& walk) {
  const std::size_t turns = 2 * walk.options.start.size();
  Point at = walk.options.start;
  double value = walk.f(at);
  walk.trace.push_back({0, at, value, {}, 0.0, true});
  double length = walk.options.learning_rate;
  for (std::size_t direction = 0, failures = 0; may_step(walk);) {
    Point next = at;
    next[direction / 2] += direction % 2 == 0 ? length : -length;
    const double there = walk.f(next);
    const bool lower = there < value;
    if (std::isfinite(there)) {
      walk.trace.push_back({steps_taken(walk) + 1, next, there, {}, length, lower});
    }
    if (lower) {
      at = next;
      value = there;
      failures = 0;
      if (!std::isfinite(value) || has_exploded(walk, value)) {
        walk.termination = {Reason::diverged, "f falls without end"};
        return;
      }
      continue;
    }
    direction = (direction + 1) % turns;
    ++failures;
    if (failures >= turns) {
      length *= 0.5;
      failures = 0;
      if (length <= walk.options.tolerance || at[0] + length == at[0]) {
        walk.termination = {Reason::step,
                            fmt::format("step {:.3g} <= {:g}", length, walk.options.tolerance)};
        return;
      }
    }
  }
}

void walk_annealing(Walk& walk) {
  const ExploreOptions& options = walk.options;
  Point at = options.start;
  double value = walk.f(at);
  walk.trace.push_back({0, at, value, {}, 0.0, true});
  for (std::int64_t step = 1; step <= options.steps; ++step) {
    const double share = static_cast<double>(step - 1) / static_cast<double>(options.steps);
    const double temperature = options.temperature * std::pow(options.final_temperature, share);
    Point next = at;
    for (std::size_t axis = 0; axis < at.size(); ++axis) {
      const double draw =
          2.0 * uniform_at(options.seed, step, static_cast<std::int64_t>(axis)) - 1.0;
      const Interval& side = options.box[axis];
      next[axis] = std::clamp(at[axis] + draw * options.learning_rate, side.low, side.high);
    }
    const double there = walk.f(next);
    if (!std::isfinite(there)) {
      continue;
    }
    const double chance = uniform_at(options.seed, step, static_cast<std::int64_t>(at.size()));
    const bool accepted = there < value || chance < std::exp((value - there) / temperature);
    walk.trace.push_back({step, next, there, {}, temperature, accepted});
    if (accepted) {
      at = next;
      value = there;
    }
  }
  spend(walk);
}

}  // namespace steepest
