// SPDX-License-Identifier: Apache-2.0
// The fifth move: when to stop, and how to say why. Stopped and solved are different things.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "steepest/host_device.hpp"

namespace steepest {

enum class Reason : std::int32_t {
  running,
  gradient,     ///< converged: gradient_max_norm <= tolerance
  loss,         ///< converged: the objective no longer decreases
  step,         ///< converged: the parameters no longer move
  epochs,       ///< stopped: the budget of epochs is spent
  seconds,      ///< stopped: the budget of time is spent
  diverged,     ///< failed: the objective is not finite or has exploded
  interrupted,  ///< stopped: the caller asked for it
  gap,          ///< converged: objective - optimum <= tolerance is proved
  rounding,     ///< stopped: rounding hides whatever could still be gained
  separable,    ///< stopped: the classes are separated, so no finite optimum exists
  validation,   ///< stopped: rows held back are predicted no better; the best point is kept
};

/// Each tolerance is an inequality; 0 switches it off.
struct Tolerances {
  double gradient = 0.0;  ///< max_j |d objective / d b_j| <= gradient
  double loss = 0.0;      ///< f_best - f <= loss * max(|f_best|, 1e-300), `patience` times in a row
  double step = 0.0;      ///< max_j |b_j' - b_j| <= step, `patience` times in a row
  std::int64_t patience = 10;     ///< >= 1; counted in steps (full batch) or epochs (mini-batch)
  double explosion_factor = 1e4;  ///< diverged when f > explosion_factor * max(f_first, 1e-12)
};

/// What is known of a model at the point its objective was last evaluated.
struct Evaluation {
  double mean_loss = 0.0;
  double penalty = 0.0;
  double gradient_max_norm = 0.0;
  double step_max_norm = 0.0;  ///< of the step that led to or leads from the point

  [[nodiscard]] STEEPEST_HD double objective() const { return mean_loss + penalty; }
};

/// The memory of the stopping rule between evaluations.
struct StoppingState {
  bool started = false;
  double first_objective = 0.0;
  double best_objective = 0.0;
  double previous_best = 0.0;
  std::int64_t flat_evaluations = 0;  ///< in a row, for Tolerances::loss
  std::int64_t short_steps = 0;       ///< in a row, for Tolerances::step
};

STEEPEST_HD inline bool is_finite(double value) { return value - value == 0.0; }

/// Judges one evaluation. Returns running, gradient, loss, step or diverged.
STEEPEST_HD inline Reason judge(const Tolerances& tolerances, const Evaluation& now,
                                StoppingState& state) {
  const double objective = now.objective();
  if (!is_finite(objective) || !is_finite(now.gradient_max_norm)) {
    return Reason::diverged;
  }
  if (!state.started) {
    state.started = true;
    state.first_objective = objective;
    state.best_objective = objective;
    state.previous_best = objective;
  } else {
    const double floor = state.first_objective > 1e-12 ? state.first_objective : 1e-12;
    if (objective > tolerances.explosion_factor * floor) {
      return Reason::diverged;
    }
    const double scale =
        std::fabs(state.best_objective) > 1e-300 ? std::fabs(state.best_objective) : 1e-300;
    const bool flat = state.best_objective - objective <= tolerances.loss * scale;
    state.flat_evaluations = flat ? state.flat_evaluations + 1 : 0;
    state.short_steps = now.step_max_norm <= tolerances.step ? state.short_steps + 1 : 0;
    if (objective < state.best_objective) {
      state.previous_best = state.best_objective;
      state.best_objective = objective;
    }
  }
  if (tolerances.gradient > 0.0 && now.gradient_max_norm <= tolerances.gradient) {
    return Reason::gradient;
  }
  if (tolerances.loss > 0.0 && state.flat_evaluations >= tolerances.patience) {
    return Reason::loss;
  }
  if (tolerances.step > 0.0 && state.short_steps >= tolerances.patience) {
    return Reason::step;
  }
  return Reason::running;
}

/// Why a run ended. Never a bare bool.
struct Termination {
  Reason reason = Reason::running;
  std::string inequality;  ///< the inequality that held, with its numbers

  /// True for gradient, loss, step and gap: a tolerance was met, not a budget spent.
  [[nodiscard]] bool converged() const;
};

/// The name in `--json`: gradient, loss, step, epochs, seconds, diverged, interrupted,
/// gap, rounding, separable, validation.
[[nodiscard]] std::string_view name(Reason reason);

}  // namespace steepest
