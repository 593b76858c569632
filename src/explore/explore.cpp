// SPDX-License-Identifier: Apache-2.0
#include "steepest/explore.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "src/explore/behaviour.hpp"
#include "src/explore/box.hpp"
#include "src/explore/moves.hpp"
#include "src/explore/random_point.hpp"
#include "src/train/option_text.hpp"
#include "src/train/schedule_pairs.hpp"
#include "steepest/derivative.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

struct MethodEntry {
  Method method;
  std::string_view name;
  void (*walk)(Walk&);
  double learning_rate;
  std::int64_t steps;
};

constexpr std::array<MethodEntry, 5> methods = {{
    {Method::descent, "descent", walk_descent, 0.1, 50},
    {Method::backtracking, "backtracking", walk_backtracking, 1.0, 50},
    {Method::newton, "newton", walk_newton, 1.0, 50},
    {Method::direct, "direct", walk_direct, 1.0, 200},
    {Method::annealing, "annealing", walk_annealing, 0.0, 1000},
}};

const MethodEntry& entry_of(Method method) {
  return *std::find_if(methods.begin(), methods.end(),
                       [&](const MethodEntry& entry) { return entry.method == method; });
}

void require(bool holds, const std::string& sentence) {
  if (!holds) {
    throw OptionError(sentence);
  }
}

// Standard deviation of f over a sample of the box: what a temperature is to be compared with.
double spread_over(const RealFunction& f, const std::vector<Interval>& box, std::uint64_t seed) {
  constexpr std::int64_t draws = 200;
  double count = 0.0;
  double mean = 0.0;
  double square = 0.0;
  for (std::int64_t i = 0; i < draws; ++i) {
    const double value = f(point_at(scramble(seed), i, box));
    if (std::isfinite(value)) {
      count += 1.0;
      const double change = value - mean;
      mean += change / count;
      square += change * (value - mean);
    }
  }
  const double deviation = count > 1.0 ? std::sqrt(square / count) : 0.0;
  return deviation > 0.0 ? deviation : 1.0;
}

void complete_annealing(const RealFunction& f, ExploreOptions& options) {
  require(options.box.size() == options.start.size(),
          "annealing needs an interval to stay in, as in --interval -3:3");
  require_box(options.box);
  require(inside(options.box, options.start, 0.0),
          fmt::format("the start must lie in {}", describe(options.box)));
  require(options.final_temperature > 0.0 && options.final_temperature <= 1.0,
          "the last temperature must be above 0 and at most the first");
  if (options.learning_rate == 0.0) {
    options.learning_rate = 0.1 * (options.box.front().high - options.box.front().low);
  }
  if (options.temperature == 0.0) {
    options.temperature = spread_over(f, options.box, options.seed);
  }
}

ExploreOptions completed(const RealFunction& f, ExploreOptions options) {
  const MethodEntry& entry = entry_of(options.method);
  const auto valid = [](double value) { return std::isfinite(value) && value >= 0.0; };
  require(valid(options.learning_rate), "the learning rate must be above 0");
  require(valid(options.tolerance), "the tolerance must be 0 or more");
  require(valid(options.temperature), "the temperature must be above 0");
  require(options.steps >= 0 && options.steps <= 1'000'000, "steps must be 1 to 1 million");
  const double unnamed =
      rate_is_factor(options.schedule.kind) ? 1.0 : entry.learning_rate;  // a factor has no unit
  options.learning_rate = options.learning_rate > 0.0 ? options.learning_rate : unnamed;
  options.steps = options.steps > 0 ? options.steps : entry.steps;
  options.schedule.learning_rate = options.learning_rate;
  if (options.schedule.horizon == 0) {
    options.schedule.horizon = options.steps;
  }
  options.schedule.every = std::max<std::int64_t>(options.schedule.every, 1);  // all is one row
  train::check_pair(options.schedule, options.rule);
  if (options.method == Method::annealing) {
    complete_annealing(f, options);
  }
  return options;
}

void require_start(const RealFunction& f, const ExploreOptions& options) {
  if (!std::isfinite(f(options.start))) {
    throw InputError("the function is not a finite number at the start");
  }
  const bool needs_gradient =
      options.method != Method::direct && options.method != Method::annealing;
  if (needs_gradient && !std::isfinite(max_norm(gradient(f, options.start)))) {
    throw InputError("the function has no derivative at the start: give another");
  }
}

// The lowest point accepted, the first of equals.
const TraceStep& best_of(const std::vector<TraceStep>& trace) {
  return *std::min_element(trace.begin(), trace.end(), [](const TraceStep& a, const TraceStep& b) {
    return (a.accepted ? a.value : HUGE_VAL) < (b.accepted ? b.value : HUGE_VAL);
  });
}

const TraceStep& last_accepted(const std::vector<TraceStep>& trace) {
  return *std::find_if(trace.rbegin(), trace.rend(),
                       [](const TraceStep& step) { return step.accepted; });
}

void negate(TraceStep& step) {
  step.value = -step.value;
  for (double& slope : step.gradient) {
    slope = slope == 0.0 ? 0.0 : -slope;
  }
}

void negate(std::optional<CriticalPoint>& point) {
  if (!point) {
    return;
  }
  point->value = -point->value;
  for (double& curvature : point->curvatures) {
    curvature = -curvature;
  }
  std::reverse(point->curvatures.begin(), point->curvatures.end());
  if (point->kind == CriticalKind::minimum || point->kind == CriticalKind::maximum) {
    point->kind =
        point->kind == CriticalKind::minimum ? CriticalKind::maximum : CriticalKind::minimum;
  }
}

}  // namespace

Method parse_method(std::string_view text) {
  std::vector<std::string_view> names;
  for (const MethodEntry& entry : methods) {
    if (entry.name == text) {
      return entry.method;
    }
    names.push_back(entry.name);
  }
  throw OptionError(fmt::format("method \"{}\" is not known: use {}", text, join_choices(names)));
}

std::string_view name(Method method) { return entry_of(method).name; }

Exploration explore(const RealFunction& f, const ExploreOptions& options) {
  const RealFunction downhill =
      options.maximize ? RealFunction([&f](const Point& at) { return -f(at); }) : f;
  Exploration result;
  result.options = completed(downhill, options);
  require_start(downhill, result.options);
  Walk walk{downhill, result.options};
  entry_of(options.method).walk(walk);
  result.trace = std::move(walk.trace);
  result.termination = std::move(walk.termination);
  result.undefined_at = std::move(walk.undefined_at);
  const TraceStep& best = best_of(result.trace);
  result.end = options.method == Method::annealing ? best : last_accepted(result.trace);
  const bool left = result.termination.reason == Reason::diverged;
  result.target = nearest_minimum(downhill, left ? best.at : result.end.at);
  if (!result.target && best.value < result.end.value) {
    result.target = nearest_minimum(downhill, best.at);
  }
  if (result.termination.reason == Reason::gradient) {
    result.landed_on = classify(downhill, result.end.at);
  }
  judge_behaviour(result);
  if (options.maximize) {
    std::for_each(result.trace.begin(), result.trace.end(), [](TraceStep& step) { negate(step); });
    negate(result.end);
    negate(result.target);
    negate(result.landed_on);
  }
  return result;
}

Restarts explore_restarts(const RealFunction& f, const ExploreOptions& options,
                          const std::vector<Interval>& box, std::int64_t count,
                          std::uint64_t seed) {
  constexpr std::int64_t most_draws_a_start = 100;
  constexpr std::int64_t most_starts = 100'000;
  constexpr double same_point = 1e-5;
  require(options.method != Method::annealing, "restarts and annealing do not go together");
  require(count >= 1 && count <= most_starts, fmt::format("restarts must be 1 to {}", most_starts));
  require_box(box);
  Restarts result;
  for (std::int64_t draw = 0; static_cast<std::int64_t>(result.runs.size()) < count; ++draw) {
    if (draw >= most_draws_a_start * count) {
      throw InputError(
          fmt::format("the function is a finite number almost nowhere in {}", describe(box)));
    }
    ExploreOptions from = options;
    from.start = point_at(seed, draw, box);
    if (!std::isfinite(f(from.start)) || !std::isfinite(max_norm(gradient(f, from.start)))) {
      ++result.undefined_starts;
      continue;
    }
    const Exploration run = explore(f, from);
    result.runs.push_back({from.start, run.end.at, run.end.value,
                           static_cast<std::int64_t>(run.trace.size()) - 1, run.behaviour});
    const auto near = [&](const CriticalPoint& other) {
      return distance(other.at, run.target->at) <= same_point * (1.0 + max_norm(other.at));
    };
    const bool arrived = run.target && run.behaviour == Behaviour::lands;
    if (arrived && std::none_of(result.minima.begin(), result.minima.end(), near)) {
      result.minima.push_back(*run.target);
    }
  }
  std::stable_sort(result.minima.begin(), result.minima.end(),
                   [&](const CriticalPoint& a, const CriticalPoint& b) {
                     return options.maximize ? a.value > b.value : a.value < b.value;
                   });
  return result;
}

}  // namespace steepest
