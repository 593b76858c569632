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
  adagrad,
  rmsprop,
  adam,
  adamw,
  averaged,
  schedule_free,
  newton,
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
/// gradients of those before, on the whole data only: see kernels/lbfgs.hpp. newton solves with the
/// Hessian of all parameters at every step, on the whole data and where they are few (2,000, of all
/// classes together): see src/train/newton_backend.hpp.
///
/// The adaptive rules divide by the root of a mean of squared gradients, element by element: with
/// v, u 0 at the start and t counting steps from 1, constants as in PyTorch,
///     v <- B1 v + (1 - B1) g,   w <- (1 - eta DECAY) w - eta c v / (r sqrt(u) + epsilon)
///
/// | kind    | B1 | u <-                   | c            | r                 | epsilon | source     |
/// | ------- | -- | ---------------------- | ------------ | ----------------- | ------- | ---------- |
/// | adagrad | 0  | u + g^2                | 1            | 1                 | 1e-10   | Duchi 2011 |
/// | rmsprop | 0  | A u + (1 - A) g^2      | 1            | 1                 | 1e-8    | Hinton 2012|
/// | adam    | B1 | B2 u + (1 - B2) g^2    | 1/(1 - B1^t) | 1/sqrt(1 - B2^t)  | 1e-8    | 1412.6980  |
/// | adamw   | B1 | as adam                | as adam      | as adam           | 1e-8    | 1711.05101 |
///
/// DECAY is 0 but for adamw, whose decay leaves intercepts alone and is no part of the objective.
///
/// The averaging rules report another point x than the one w that gradients are taken at:
///
/// | kind          | step                                        | x <-             | source          |
/// | ------------- | ------------------------------------------- | ---------------- | --------------- |
/// | averaged      | w <- w - eta g                              | x + (w - x)/t    | Polyak and      |
/// |               |                                             |                  | Juditsky 1992   |
/// | schedule_free | v <- v - eta g, then w <- (1 - B) v + B x   | x + c (v - x)    | arXiv 2405.15682|
///
/// with c = eta_t^2 / sum eta_i^2 and v, x starting where w does. A full-batch run that meets a
/// tolerance at w reports w.
struct UpdateRule {
  RuleKind kind = RuleKind::gradient;
  double momentum = 0.9;           ///< M, B1 or B, in [0, 1); see the tables
  std::int64_t pairs = 30;         ///< steps remembered by lbfgs, in [1, 1000]
  double square_momentum = 0.999;  ///< B2 of adam and adamw, in [0, 1)
  double square_decay = 0.99;      ///< A of rmsprop, in [0, 1)
  double weight_decay = 0.01;      ///< DECAY of adamw, >= 0
};

/// Whether the size of a step is set by the history of each element's gradient, so that no bound
/// on the curvature says what rate is safe.
STEEPEST_HD inline bool is_adaptive(RuleKind kind) {
  return kind == RuleKind::adagrad || kind == RuleKind::rmsprop || kind == RuleKind::adam ||
         kind == RuleKind::adamw;
}

/// Whether the length of a step is the rule's own, on the whole data only: no schedule scales it.
STEEPEST_HD inline bool finds_length(RuleKind kind) {
  return kind == RuleKind::lbfgs || kind == RuleKind::newton;
}

/// Whether the point reported is an average of those stepped through.
STEEPEST_HD inline bool is_averaging(RuleKind kind) {
  return kind == RuleKind::averaged || kind == RuleKind::schedule_free;
}

/// Whether gradients are taken at a point looked ahead at.
STEEPEST_HD inline bool looks_ahead(RuleKind kind) {
  return kind == RuleKind::nesterov || kind == RuleKind::accelerated;
}

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
    default:
      break;
  }
  return {0.0, 1.0};
}

/// One element of one step of the rules that move along a velocity: changes it, returns the new
/// parameter.
STEEPEST_HD inline double apply_rule(const UpdateRule& rule, const MomentumPair& factor,
                                     double rate, double gradient, double parameter,
                                     double& velocity) {
  const double descent = rate * gradient;
  velocity = factor.velocity * velocity - descent;
  return looks_ahead(rule.kind) ? parameter + factor.look_ahead * velocity - descent
                                : parameter + velocity;
}

/// What all elements share in one step of an adaptive rule.
struct AdaptiveFactors {
  double keep = 0.0;          ///< B1
  double keep_square = 0.0;   ///< share of u that stays
  double add_square = 1.0;    ///< share of g^2 that comes
  double size = 0.0;          ///< eta c
  double square_scale = 1.0;  ///< r
  double epsilon = 1e-8;
  double shrink = 1.0;  ///< 1 - eta DECAY
};

/// Those of step t (>= 1) at rate eta.
STEEPEST_HD inline AdaptiveFactors adaptive_factors(const UpdateRule& rule, double rate,
                                                    std::int64_t t) {
  AdaptiveFactors factors;
  factors.size = rate;
  switch (rule.kind) {
    case RuleKind::adagrad:
      factors.keep_square = 1.0;
      factors.epsilon = 1e-10;
      break;
    case RuleKind::rmsprop:
      factors.keep_square = rule.square_decay;
      factors.add_square = 1.0 - rule.square_decay;
      break;
    case RuleKind::adamw:
    case RuleKind::adam: {
      const auto steps = static_cast<double>(t);
      factors.keep = rule.momentum;
      factors.keep_square = rule.square_momentum;
      factors.add_square = 1.0 - rule.square_momentum;
      factors.size = rate / (1.0 - std::pow(rule.momentum, steps));
      factors.square_scale = 1.0 / std::sqrt(1.0 - std::pow(rule.square_momentum, steps));
      factors.shrink = rule.kind == RuleKind::adamw ? 1.0 - rate * rule.weight_decay : 1.0;
      break;
    }
    default:
      break;
  }
  return factors;
}

/// One element's moments moved on by its gradient. Returns what it is stepped by per unit of
/// `first`: eta c / (r sqrt(u) + epsilon).
STEEPEST_HD inline double adapt(const AdaptiveFactors& factors, double gradient, double& first,
                                double& square) {
  first = factors.keep * first + (1.0 - factors.keep) * gradient;
  square = factors.keep_square * square + factors.add_square * gradient * gradient;
  return factors.size / (factors.square_scale * std::sqrt(square) + factors.epsilon);
}

/// Parses `gradient`, `momentum:M`, `nesterov:M`, `accelerated`, `lbfgs:PAIRS`, `adagrad`,
/// `rmsprop:A`, `adam:B1:B2`, `adamw:DECAY`, `averaged`, `schedule_free:B`, `newton`; what follows
/// a colon may be left out. Throws OptionError that lists them.
[[nodiscard]] UpdateRule parse_rule(std::string_view text);

/// As parse_rule, of the rules whose steps a learning rate scales: all but lbfgs and newton.
[[nodiscard]] UpdateRule parse_rate_rule(std::string_view text);

/// The text that parse_rule turns back into the same rule.
[[nodiscard]] std::string to_string(const UpdateRule& rule);

/// The names parse_rule knows.
[[nodiscard]] std::vector<std::string_view> rule_names();

}  // namespace steepest
