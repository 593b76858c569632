// SPDX-License-Identifier: Apache-2.0
#include "steepest/find_rate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "src/train/curvature.hpp"
#include "src/train/held_data.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

using namespace train;

constexpr double explosion = 4.0;

FitOptions problem_of(const FindRateOptions& options) {
  FitOptions problem = options.problem;
  problem.rule = options.rule;
  problem.schedule = Schedule{};
  problem.batch_size = options.batch_size;
  problem.epochs = 1;
  problem.precondition = false;
  problem.learning_rate.reset();
  if (problem.precision == Precision::automatic &&
      kernels::choose_device(problem.device, problem.threads).kind == DeviceKind::cpu) {
    problem.precision = Precision::fp64;
  }
  return problem;
}

void check(const FindRateOptions& options) {
  constexpr std::int64_t fewest_steps = 10;
  constexpr std::int64_t most_steps = 1'000'000;
  constexpr double widest_range = 1e15;
  if (options.steps < fewest_steps || options.steps > most_steps) {
    throw OptionError("--steps must be from 10 to 1,000,000");
  }
  if (!(options.high.value / options.low.value <= widest_range)) {
    throw OptionError("the range of rates is too wide: its ends may differ by a factor of 1e15");
  }
  if (!(options.low.value > 0.0) || !std::isfinite(options.high.value) ||
      options.low.over_curvature != options.high.over_curvature ||
      !(options.low.value < options.high.value)) {
    throw OptionError(
        "the range of rates must grow from above 0, with /L behind both ends or none");
  }
}

// Adds the points of `records`; returns false when the objective has exploded.
class RangeCurve {
 public:
  explicit RangeCurve(bool smooth, double unit) : keep_(smooth ? 0.9 : 0.0), unit_(unit) {}

  bool add(const kernels::StepRecord& record, std::vector<FindRatePoint>& points) {
    FindRatePoint point;
    point.step = record.step;
    point.learning_rate = record.learning_rate;
    point.objective = record.at.objective() * unit_;
    mean_ = keep_ * mean_ + (1.0 - keep_) * point.objective;
    weight_ = keep_ * weight_ + (1.0 - keep_);
    point.smoothed = mean_ / weight_;
    if (!std::isfinite(point.smoothed)) {
      return false;
    }
    lowest_ = points.empty() ? point.smoothed : std::min(lowest_, point.smoothed);
    points.push_back(point);
    return keep_ > 0.0 || point.smoothed <= explosion * lowest_;  // batches are judged on all rows
  }

 private:
  double keep_;
  double unit_;
  double mean_ = 0.0;
  double weight_ = 0.0;
  double lowest_ = 0.0;
};

// Where the curve falls most from one point to the next but one, up to its lowest point; NaN where
// it never falls.
double steepest_rate(const std::vector<FindRatePoint>& points) {
  const auto lowest = std::min_element(
      points.begin(), points.end(),
      [](const FindRatePoint& a, const FindRatePoint& b) { return a.smoothed < b.smoothed; });
  double best = std::numeric_limits<double>::quiet_NaN();
  double fall = 0.0;
  for (std::size_t i = 1; i < static_cast<std::size_t>(lowest - points.begin()); ++i) {
    const double fallen = points[i - 1].smoothed - points[i + 1].smoothed;
    if (fallen > fall) {
      fall = fallen;
      best = points[i].learning_rate;
    }
  }
  return best;
}

// Returns false when the objective has exploded.
bool add_evaluation(const kernels::ModelState& state, double unit,
                    std::vector<FindRatePoint>& evaluations) {
  FindRatePoint point;
  point.step = state.step;
  point.learning_rate = state.learning_rate;
  point.objective = state.at.objective() * unit;
  point.smoothed = point.objective;
  if (!std::isfinite(point.objective)) {
    return false;
  }
  double lowest = point.objective;
  for (const FindRatePoint& earlier : evaluations) {
    lowest = std::min(lowest, earlier.objective);
  }
  evaluations.push_back(point);
  return point.objective <= explosion * lowest;
}

kernels::BankPlan bank_of(const FitPlan& plan, const FindRateOptions& options, double over) {
  kernels::ModelPlan model;
  model.rule = plan.rule;
  model.schedule.kind = ScheduleKind::range_test;
  model.schedule.learning_rate = options.high.value / over;
  model.schedule.div_factor = options.high.value / options.low.value;
  model.schedule.horizon = options.steps;
  model.penalty.l2 = plan.l2;
  model.has_intercept = options.problem.intercept;
  kernels::BankPlan bank;
  bank.loss = plan.loss;
  bank.outputs = plan.columns;
  bank.models = {model};
  bank.batch_size = plan.batch_size;
  bank.seed = options.problem.seed;
  bank.together = plan.together;
  bank.most_steps = options.steps;
  return bank;
}

}  // namespace

FindRateResult find_rate(std::shared_ptr<RowSource> data, const FindRateOptions& options,
                         const std::function<bool(double fraction)>& proceed) {
  check(options);
  const FitOptions problem = problem_of(options);
  const RowWeights weights = data->rows() > 0 ? sum_weights(*data) : RowWeights{};
  const FitPlan given = plan_fit(*data, weights, problem);
  require_smooth(given.loss, "find-rate");
  HeldData held = hold_data(data, weights, problem, given.loss, given.columns, !given.full_batch);
  const FitPlan plan = in_trained_units(given, held.scaling);
  const HessianBound bound{held.features, problem.intercept, curvature(plan.loss), plan.l2};
  FindRateResult result;
  result.device = held.device;
  result.precision = held.precision;
  result.engine = held.backend->engine();
  result.loss = to_string(given.loss);
  result.l2 = given.l2;
  result.batch_size = plan.batch_size;
  result.warnings = held.warnings;
  warn_of_curvature(plan.loss, result.warnings);
  result.largest_curvature = largest_eigenvalue(*held.backend, bound, {});
  result.batch_curvature =
      batch_curvature(result.largest_curvature, bound.loss_curvature * held.row_curvature + plan.l2,
                      held.rows, plan.batch_size);

  held.backend->start(
      bank_of(plan, options, options.low.over_curvature ? result.batch_curvature : 1.0));
  RangeCurve curve(!plan.full_batch, held.scaling.loss_unit());
  constexpr std::int64_t most_evaluations = 50;
  constexpr std::int64_t short_portion = 8;
  const std::int64_t portion =
      plan.full_batch ? short_portion : std::max<std::int64_t>(1, options.steps / most_evaluations);
  for (std::int64_t step = 0; step < options.steps && !result.exploded; step += portion) {
    std::vector<std::vector<kernels::StepRecord>> records(1);
    held.backend->run(std::min(portion, options.steps - step), records);
    for (const kernels::StepRecord& record : records[0]) {
      result.exploded = result.exploded || !curve.add(record, result.points);
    }
    result.exploded = result.exploded || held.backend->state(0).reason != Reason::running;
    if (!plan.full_batch && !result.exploded) {
      held.backend->evaluate();
      result.exploded =
          !add_evaluation(held.backend->state(0), held.scaling.loss_unit(), result.evaluations);
    }
    const double done = static_cast<double>(step) / static_cast<double>(options.steps);
    if (proceed && !proceed(done)) {
      result.interrupted = true;
      break;
    }
  }
  // A range cut short says nothing of the rates that were left out.
  result.suggested = result.interrupted
                         ? std::numeric_limits<double>::quiet_NaN()
                         : steepest_rate(plan.full_batch ? result.points : result.evaluations);
  return result;
}

}  // namespace steepest
