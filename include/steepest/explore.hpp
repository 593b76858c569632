// SPDX-License-Identifier: Apache-2.0
// Descent on a function of a few variables, step by step, with a word for what happened.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "steepest/critical_points.hpp"
#include "steepest/real_function.hpp"
#include "steepest/schedule.hpp"
#include "steepest/termination.hpp"
#include "steepest/update_rule.hpp"

namespace steepest {

/// How the next point is chosen. g is the gradient, H the Hessian, eta the learning rate.
enum class Method {
  descent,       ///< the update rule and the schedule of fit: x - eta g, momentum, ...
  backtracking,  ///< x - eta g; eta halves until f falls, then grows by 1.5 up to the first rate
  newton,        ///< x - eta H^-1 g: seeks a level point, not a minimum
  direct,        ///< no derivative: try a step along an axis, keep it when lower, else turn;
                 ///< halve the step when no turn helps (Kolda, Lewis and Torczon 2003)
  annealing,     ///< a random step, kept when lower, else with probability exp(-rise / T); T falls
                 ///< geometrically (Kirkpatrick, Gelatt and Vecchi 1983)
};

/// Parses `descent`, `backtracking`, `newton`, `direct`, `annealing`. Throws OptionError that lists
/// them.
[[nodiscard]] Method parse_method(std::string_view text);
[[nodiscard]] std::string_view name(Method method);

struct ExploreOptions {
  Method method = Method::descent;
  bool maximize = false;  ///< climbs f by descending -f
  Point start;            ///< d coordinates, where f is finite

  /// eta of descent, first eta of backtracking, damping of newton, first step of direct, width of
  /// annealing's steps. Above 0; 0: 0.1, 1, 1, 1, and a tenth of the box.
  double learning_rate = 0.0;
  UpdateRule rule;         ///< of descent
  Schedule schedule;       ///< of descent; its rate and horizon are set from what is given here
  std::int64_t steps = 0;  ///< most steps or tries; 0: 50, for direct 200, for annealing 1000

  /// Ends when max_j |g_j| is at most this; for direct, when the step is. 0: only the budget ends.
  double tolerance = 1e-6;

  std::vector<Interval> box;        ///< of annealing: steps stay inside
  double temperature = 0.0;         ///< of annealing, first; 0: the spread of f over the box
  double final_temperature = 1e-3;  ///< of annealing, last, in shares of the first
  std::uint64_t seed = 0;           ///< of annealing
};

/// A point visited, or tried.
struct TraceStep {
  std::int64_t step = 0;  ///< 0 is the start
  Point at;
  double value = 0.0;  ///< f there, also with maximize
  Point gradient;      ///< of f there; empty for direct and annealing
  double rate = 0.0;  ///< that led here: learning rate, step length, or temperature; 0 at the start
  bool accepted = true;  ///< false: tried and left
};

/// What a learner sees happen.
enum class Behaviour {
  lands,       ///< a tolerance held, or 99.9% of the way to the minimum is covered
  crawls,      ///< the budget was spent on moves too small
  oscillates,  ///< the budget was spent leaping from side to side
  diverges,    ///< the moves grow and lead away, or leave where f is defined
  unfinished,  ///< the budget was spent while the moves still grew, downhill
};

/// lands, crawls, oscillates, diverges, unfinished.
[[nodiscard]] std::string_view name(Behaviour behaviour);

struct Exploration {
  ExploreOptions options;        ///< with the defaults filled in
  std::vector<TraceStep> trace;  ///< from the start on; values are finite
  TraceStep end;                 ///< last point of the trace; of annealing, the best
  Termination termination;       ///< Reason::epochs: the budget of steps
  Behaviour behaviour = Behaviour::unfinished;

  /// The minimum (with maximize, the maximum) this run was near to, where there is one.
  std::optional<CriticalPoint> target;

  /// What is at the end, when a gradient tolerance held there.
  std::optional<CriticalPoint> landed_on;

  /// 2/L, L the largest curvature at the target: plain descent with a constant rate above it leaves
  /// the target again. Nullopt without a target, or at a kink.
  std::optional<double> gradient_bound;

  /// The same for the rule used: 2 (1 + M)/L for momentum (Polyak 1964), 2 (1 + M)/((1 + 2 M) L)
  /// for nesterov. Nullopt for the accelerated rule, whose factors change, and other methods.
  std::optional<double> stability_bound;

  /// Where f was not finite and the run had to end; empty otherwise.
  Point undefined_at;

  /// Factor from move to move over the last two; 0 where there are not as many. Below 1 it shrinks.
  double contraction = 0.0;

  /// Steps still to go to the tolerance at that factor; nullopt unless the run crawls.
  std::optional<std::int64_t> steps_to_go;
};

/// Runs one method. Deterministic: the same options give the same trace. Throws InputError when f
/// or its gradient is not finite at the start, OptionError for an option out of its range.
[[nodiscard]] Exploration explore(const RealFunction& f, const ExploreOptions& options);

/// A run from one of several starts.
struct RestartRun {
  Point start;
  Point end;
  double value = 0.0;
  std::int64_t steps = 0;
  Behaviour behaviour = Behaviour::unfinished;
};

struct Restarts {
  std::vector<RestartRun> runs;       ///< in the order drawn
  std::vector<CriticalPoint> minima;  ///< distinct ends, by rising f (falling with maximize)
  std::int64_t undefined_starts = 0;  ///< drawn where f is not finite, and drawn again
};

/// Runs `options.method` from `count` points drawn evenly from the box, and gathers the minima
/// (with maximize, maxima) they are near to. A start depends on the seed and its number only.
/// Throws OptionError for count < 1, an empty box or annealing, InputError when f is defined
/// almost nowhere in it.
[[nodiscard]] Restarts explore_restarts(const RealFunction& f, const ExploreOptions& options,
                                        const std::vector<Interval>& box, std::int64_t count,
                                        std::uint64_t seed);

}  // namespace steepest
