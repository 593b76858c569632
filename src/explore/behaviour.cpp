// SPDX-License-Identifier: Apache-2.0
#include "src/explore/behaviour.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "steepest/derivative.hpp"

namespace steepest {
namespace {

// The moves between points accepted.
struct Moves {
  std::vector<double> lengths;
  std::vector<bool> reversals;  // whether a move leads back along the one before
};

Moves moves_of(const std::vector<TraceStep>& trace) {
  Moves moves;
  Point before;
  const TraceStep* here = nullptr;
  for (const TraceStep& step : trace) {
    if (!step.accepted) {
      continue;
    }
    if (here != nullptr) {
      Point move;
      double along = 0.0;
      for (std::size_t i = 0; i < step.at.size(); ++i) {
        move.push_back(step.at[i] - here->at[i]);
        along += before.empty() ? 0.0 : move[i] * before[i];
      }
      moves.lengths.push_back(distance(step.at, here->at));
      moves.reversals.push_back(along < 0.0);
      before = std::move(move);
    }
    here = &step;
  }
  return moves;
}

// 99.9% of the way from the start to the target.
bool has_covered_the_way(const Exploration& run) {
  constexpr double left = 1e-3;
  return run.target && distance(run.end.at, run.target->at) <=
                           left * distance(run.trace.front().at, run.target->at);
}

Behaviour behaviour_of(const Exploration& run, const Moves& moves) {
  if (run.termination.reason == Reason::diverged) {
    return Behaviour::diverges;
  }
  if (run.termination.converged() || has_covered_the_way(run) ||
      (run.options.method == Method::annealing && run.target)) {
    return Behaviour::lands;
  }
  const std::size_t count = moves.lengths.size();
  if (count < 2) {
    return Behaviour::crawls;
  }
  // The second half tells: the first may still be finding its way.
  const std::size_t half = count / 2;
  const bool grows = moves.lengths.back() > 1.0001 * moves.lengths[(count - 1) / 2];
  if (grows && run.end.value > run.trace.front().value) {
    return Behaviour::diverges;
  }
  const auto turns = std::count(moves.reversals.begin() + static_cast<std::ptrdiff_t>(half),
                                moves.reversals.end(), true);
  if (turns >= (count < 4 ? 1 : 2)) {
    return Behaviour::oscillates;
  }
  return grows ? Behaviour::unfinished : Behaviour::crawls;
}

void set_bounds(Exploration& run) {
  if (!run.target || !run.target->smooth || run.target->curvatures.empty()) {
    return;
  }
  const double largest = run.target->curvatures.back();
  run.gradient_bound = 2.0 / largest;
  const double m = run.options.rule.momentum;
  if (run.options.method != Method::descent) {
    return;
  }
  switch (run.options.rule.kind) {
    case RuleKind::gradient:
      run.stability_bound = 2.0 / largest;
      break;
    case RuleKind::momentum:
      run.stability_bound = 2.0 * (1.0 + m) / largest;
      break;
    case RuleKind::nesterov:
      run.stability_bound = 2.0 * (1.0 + m) / ((1.0 + 2.0 * m) * largest);
      break;
    default:
      break;
  }
}

void predict_landing(Exploration& run) {
  constexpr double most = 1e9;
  const double tolerance = run.options.tolerance;
  const bool shrinks = run.contraction > 0.0 && run.contraction < 1.0;
  if (run.behaviour != Behaviour::crawls || !shrinks || tolerance <= 0.0 ||
      run.end.gradient.empty()) {
    return;
  }
  const double steps =
      std::ceil(std::log(tolerance / max_norm(run.end.gradient)) / std::log(run.contraction));
  if (steps >= 1.0 && steps <= most) {
    run.steps_to_go = static_cast<std::int64_t>(steps);
  }
}

}  // namespace

double distance(const Point& a, const Point& b) {
  double square = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    square += (a[i] - b[i]) * (a[i] - b[i]);
  }
  return std::sqrt(square);
}

void judge_behaviour(Exploration& run) {
  const Moves moves = moves_of(run.trace);
  const std::size_t count = moves.lengths.size();
  if (count >= 2 && moves.lengths[count - 2] > 0.0) {
    run.contraction = moves.lengths[count - 1] / moves.lengths[count - 2];
  }
  run.behaviour = behaviour_of(run, moves);
  if (run.behaviour == Behaviour::diverges && run.termination.reason == Reason::epochs) {
    run.termination = {Reason::diverged,
                       fmt::format("the moves grow: {:.4g} > {:.4g}, and f is worse than at the "
                                   "start",
                                   moves.lengths.back(), moves.lengths[(count - 1) / 2])};
  }
  set_bounds(run);
  predict_landing(run);
}

std::string_view name(Behaviour behaviour) {
  switch (behaviour) {
    case Behaviour::lands:
      return "lands";
    case Behaviour::crawls:
      return "crawls";
    case Behaviour::oscillates:
      return "oscillates";
    case Behaviour::diverges:
      return "diverges";
    case Behaviour::unfinished:
      return "unfinished";
  }
  return "unfinished";
}

}  // namespace steepest
