// SPDX-License-Identifier: Apache-2.0
// The unit of training: a bank of K models with C outputs each over the same d features.
#pragma once

#include <cstdint>

#include "steepest/objective.hpp"
#include "steepest/proximal.hpp"
#include "steepest/schedule.hpp"
#include "steepest/termination.hpp"
#include "steepest/update_rule.hpp"

namespace steepest::kernels {

/// Parameters are (columns, stride) row-major doubles: column c = model * outputs + output holds
/// its d coefficients and then its intercept. A model's parameters are contiguous.
struct BankShape {
  std::int64_t features = 0;  ///< d
  std::int64_t outputs = 0;   ///< C
  std::int64_t models = 0;    ///< K

  [[nodiscard]] STEEPEST_HD std::int64_t columns() const { return outputs * models; }
  [[nodiscard]] STEEPEST_HD std::int64_t stride() const { return features + 1; }
  [[nodiscard]] STEEPEST_HD std::int64_t elements_per_model() const { return outputs * stride(); }
  [[nodiscard]] STEEPEST_HD std::int64_t elements() const { return columns() * stride(); }
};

/// Everything about one model that does not change while it is trained. Plain data.
struct ModelPlan {
  UpdateRule rule;
  Schedule schedule;
  Penalty penalty;
  Tolerances tolerances;
  bool has_intercept = true;
  double clip_norm = 0.0;   ///< longest gradient that is stepped along, in the 2-norm; 0: any
  bool is_bounded = false;  ///< coefficients keep to the bounds of the bank
  bool on_simplex = false;  ///< coefficients of an output keep to the simplex of the bank

  /// Of schedules that compare objectives; set by the backend that starts the bank.
  double objective_rounding = 1e-14;
  double rows_share = 1.0;

  /// Whether a step ends in a proximal map, for what has no derivative.
  [[nodiscard]] STEEPEST_HD bool is_proximal() const {
    return penalty.l1 > 0.0 || is_bounded || on_simplex;
  }

  /// Whether what a step looks ahead at may break the bounds, or have no exact zeros: such points
  /// are only stepped through.
  [[nodiscard]] STEEPEST_HD bool has_detours() const {
    return is_proximal() && looks_ahead(rule.kind);
  }

  /// Whether a second array of numbers beside the velocities goes with the rule: mean squares of
  /// an adaptive rule, the mean of gradients of schedule sgd_bb, else the point that is reported.
  [[nodiscard]] STEEPEST_HD bool has_second() const {
    return is_adaptive(rule.kind) || is_averaging(rule.kind) || has_detours() ||
           schedule.kind == ScheduleKind::sgd_bb;
  }
};

/// Everything about one model that does. `current` is the one of two parameter buffers that holds
/// the point last accepted: a step writes the other one and flips only when the run goes on, so the
/// point that met a tolerance, and the last finite point before a divergence, are never lost.
struct ModelState {
  std::int64_t step = 0;
  Reason reason = Reason::running;
  std::int32_t current = 0;
  double learning_rate = 0.0;  ///< of the step last taken
  MomentumClock clock;
  StoppingState stopping;
  ScheduleState schedule;
  Evaluation at;  ///< at the parameters the step started from

  std::int64_t rule_steps = 0;       ///< taken since velocities and means were 0
  double averaged_weight = 0.0;      ///< of the points in the average reported
  bool reports_current = true;       ///< else the point reported is the bank's second array
  bool returns_from_detour = false;  ///< the next step looks nowhere ahead
};

/// One line of a run's history.
struct StepRecord {
  std::int64_t step = 0;
  double learning_rate = 0.0;
  Evaluation at;
};

}  // namespace steepest::kernels
