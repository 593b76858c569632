// SPDX-License-Identifier: Apache-2.0
// One method each: walks from the start and leaves a trace. The function given is minimised.
#pragma once

#include "steepest/explore.hpp"

namespace steepest {

/// A walk under way. `f` is -f of the user with maximize; so are values and gradients here.
struct Walk {
  const RealFunction& f;
  const ExploreOptions& options;
  std::vector<TraceStep> trace = {};
  Termination termination = {};
  Point undefined_at = {};
};

void walk_descent(Walk& walk);
void walk_backtracking(Walk& walk);
void walk_newton(Walk& walk);
void walk_direct(Walk& walk);
void walk_annealing(Walk& walk);

/// Adds a point to the trace; false, with the reason, when the walk is over there: f or its
/// gradient is not finite, has grown beyond measure, or a tolerance holds.
bool arrive(Walk& walk, const Point& at, double rate);

/// Ends the walk because its steps are spent.
void spend(Walk& walk);

}  // namespace steepest
