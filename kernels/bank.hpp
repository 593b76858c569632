// SPDX-License-Identifier: Apache-2.0
// The unit of training: a bank of K models with C outputs each over the same d features.
#pragma once

#include <cstdint>

#include "steepest/objective.hpp"
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
};

/// One line of a run's history.
struct StepRecord {
  std::int64_t step = 0;
  double learning_rate = 0.0;
  Evaluation at;
};

}  // namespace steepest::kernels
