// SPDX-License-Identifier: Apache-2.0
// The third move: how a gradient and a rate change the parameters.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "steepest/host_device.hpp"

namespace steepest {

enum class RuleKind : std::int32_t {
  gradient,
  momentum,
  nesterov,
  accelerated,
  lbfgs,
};

/// An update rule: plain data. w are parameters, v velocities (0 at the start), g the gradient
/// at w, eta the rate.
///
/// | kind        | v <-           | w <-                        | source                          |
/// | ----------- | -------------- | --------------------------- | ------------------------------- |
/// | gradient    | -eta g         | w + v                       | Cauchy 1847                     |
/// | momentum    | M v - eta g    | w + v                       | Polyak 1964                     |
/// | nesterov    | M v - eta g    | w + M v - eta g (new v)     | Sutskever et al., ICML 2013     |
/// | accelerated | b v - eta g    | w + b' v - eta g (new v)    | Beck and Teboulle 2009 (FISTA)  |
///
/// In nesterov and accelerated, w is the point looked ahead at, which is where g is taken, so the
/// parameters reported are those the reported gradient belongs to. accelerated has no constant to
/// tune: b = (s - 1)/s', s' = (1 + sqrt(1 + 4 s^2))/2 from s = 1, started anew after a step that
/// went uphill, <g, v> > 0 (O'Donoghue and Candes 2015, gradient scheme).
///
/// lbfgs (limited-memory BFGS, Nocedal 1980) finds direction and length of a step from the
/// gradients of those before, on the whole data only: see kernels/lbfgs.hpp.
struct UpdateRule {
  RuleKind kind = RuleKind::gradient;
  double momentum = 0.9;    ///< M, in [0, 1); used by momentum and nesterov
  std::int64_t pairs = 30;  ///< steps remembered by lbfgs, in [1, 1000]
};

/// The two momentum factors of one step: for the velocity, and for looking ahead.
struct MomentumPair {
  double velocity;
  double look_ahead;
};

/// The sequence s of the accelerated rule, carried from step to step.
struct MomentumClock {
  double s = 1.0;
  double velocity_factor = 0.0;

  STEEPEST_HD void restart() {
    s = 1.0;
    velocity_factor = 0.0;
  }
};

/// The factors of this step, and the clock moved on by one. Rules with constant factors leave it.
STEEPEST_HD inline MomentumPair momentum_of_step(const UpdateRule& rule, MomentumClock& clock) {
  switch (rule.kind) {
    case RuleKind::gradient:
      return {0.0, 1.0};
    case RuleKind::momentum:
      return {rule.momentum, 1.0};
    case RuleKind::nesterov:
      return {rule.momentum, rule.momentum};
    case RuleKind::accelerated: {
      const double next = 0.5 * (1.0 + std::sqrt(1.0 + 4.0 * clock.s * clock.s));
      const MomentumPair pair{clock.velocity_factor, (clock.s - 1.0) / next};
      clock.s = next;
      clock.velocity_factor = pair.look_ahead;
      return pair;
    }
    case RuleKind::lbfgs:
      break;
  }
  return {0.0, 1.0};
}

/// One element of one step: changes the velocity, returns the new parameter.
STEEPEST_HD inline double apply_rule(const UpdateRule& rule, const MomentumPair& factor,
                                     double rate, double gradient, double parameter,
                                     double& velocity) {
  const double descent = rate * gradient;
  velocity = factor.velocity * velocity - descent;
  const bool looks_ahead = rule.kind == RuleKind::nesterov || rule.kind == RuleKind::accelerated;
  return looks_ahead ? parameter + factor.look_ahead * velocity - descent : parameter + velocity;
}

/// Parses `gradient`, `momentum:M`, `nesterov:M`, `accelerated`, `lbfgs:PAIRS`; what follows a
/// colon may be left out. Throws OptionError that lists them.
[[nodiscard]] UpdateRule parse_rule(std::string_view text);

/// As parse_rule, of the rules whose steps a learning rate scales: all but lbfgs.
[[nodiscard]] UpdateRule parse_rate_rule(std::string_view text);

/// The text that parse_rule turns back into the same rule.
[[nodiscard]] std::string to_string(const UpdateRule& rule);

/// The names parse_rule knows.
[[nodiscard]] std::vector<std::string_view> rule_names();

}  // namespace steepest
