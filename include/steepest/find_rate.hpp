// SPDX-License-Identifier: Apache-2.0
// The learning-rate range test: one run whose rate grows evenly in the logarithm until the loss
// explodes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "steepest/fit.hpp"
#include "steepest/sweep.hpp"

namespace steepest {

struct FindRateOptions {
  SweepRate low{1e-3, true};    ///< rate of the first step
  SweepRate high{100.0, true};  ///< rate of the last step, above low; both over L or neither
  std::int64_t steps = 200;     ///< >= 10
  std::int64_t batch_size = 0;  ///< rows a step; 0: full batch
  UpdateRule rule;
  FitOptions problem;  ///< as SweepOptions::problem
};

/// What a step saw before it moved.
struct FindRatePoint {
  std::int64_t step = 0;
  double learning_rate = 0.0;
  double objective = 0.0;  ///< on the rows of the step
  double smoothed = 0.0;   ///< the objective itself in full-batch runs
};

struct FindRateResult {
  DeviceInfo device;
  Precision precision = Precision::fp64;
  Engine engine = Engine::automatic;  ///< that took the steps; automatic on the CPU
  std::string loss;
  double l2 = 0.0;
  std::int64_t batch_size = 0;
  double largest_curvature = 0.0;  ///< L of the whole objective, in the scale of training
  double batch_curvature = 0.0;    ///< of what a step of the batch size sees; L in full-batch runs
  std::vector<FindRatePoint> points;
  /// Mini-batches: on all rows, at up to 51 steps evenly spaced; both objectives are the same.
  std::vector<FindRatePoint> evaluations;
  bool exploded = false;   ///< the last point is over 4 times the lowest, or not finite
  double suggested = 0.0;  ///< where the objective fell fastest; NaN: it never fell
  bool interrupted = false;
  std::vector<std::string> warnings;
};

/// Runs the test (Smith 2017, arXiv 1506.01186, section 3.3, with the rate growing by a constant
/// factor as in torch-lr-finder): from coefficients 0, the step's rate goes from low to high, and
/// the run ends when the objective is above 4 times its lowest value, with mini-batches that of the
/// evaluations. Mini-batch losses are smoothed by an exponential mean that keeps 0.9, for a
/// picture. The suggestion is the rate at which the objective falls most for an equal step of
/// log(rate), before its lowest point; with mini-batches by the evaluations on all rows, since the
/// noise of batches hides where a mean falls. Takes the data. Throws OptionError, InputError,
/// DeviceError. `proceed` returning false ends it early.
[[nodiscard]] FindRateResult find_rate(std::shared_ptr<RowSource> data,
                                       const FindRateOptions& options,
                                       const std::function<bool(double fraction)>& proceed = {});

}  // namespace steepest
