// SPDX-License-Identifier: Apache-2.0
#include "src/train/fit_outcome.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "src/train/fit_metrics.hpp"
#include "src/train/inference.hpp"

namespace steepest::train {

void keep_outcome(FitState& fit, RunOutcome outcome) {
  fit.result.rule = fit.plan.rule;
  fit.result.schedule = fit.plan.schedule;
  fit.result.storage = fit.backend->storage();
  fit.result.engine = fit.backend->engine();
  fit.result.batch_size = fit.plan.batch_size;
  fit.result.at = outcome.at;
  fit.result.termination = outcome.termination;
  fit.result.gap_bound = outcome.gap.value;
  fit.result.gap_note = outcome.gap.why_not;
  fit.result.steps = outcome.state.step;
  fit.result.epochs =
      static_cast<double>(outcome.state.step) / static_cast<double>(fit.plan.steps_per_epoch);
  fit.result.history = std::move(outcome.history);

  std::vector<double> parameters = fit.backend->parameters(0);
  fold(fit.scaling, fit.plan.columns, parameters);
  Model& model = fit.result.model;
  model.kind = fit.data->classifies() ? ModelKind::softmax : ModelKind::linear;
  model.loss = to_string(fit.given.loss);
  model.l2 = fit.given.l2;
  model.label_smoothing = fit.options.label_smoothing;
  model.l1 = fit.options.l1;
  model.constraint = to_string(fit.options.constraint);
  model.standardized = fit.options.standardize;
  model.feature_mean = fit.scaling.feature_mean;
  model.feature_scale = fit.scaling.feature_scale;
  model.schema = fit.data->schema();
  model.training_rows = fit.rows;
  model.termination = name(outcome.termination.reason);
  model.inequality = outcome.termination.inequality;
  model.converged = outcome.termination.converged();
  if (std::holds_alternative<LogisticLoss>(fit.plan.loss)) {  // the first class is the reference
    model.coefficients.assign(static_cast<std::size_t>(fit.features), 0.0);
    model.intercept.assign(1, 0.0);
  }
  for (std::int64_t o = 0; o < fit.plan.columns; ++o) {
    const auto column = parameters.begin() + o * (fit.features + 1);
    std::vector<double> coefficients(column, column + fit.features);
    clamp_reported(fit.options.constraint, fit.set, coefficients);
    model.coefficients.insert(model.coefficients.end(), coefficients.begin(), coefficients.end());
    model.intercept.push_back(column[fit.features]);
  }
}

void infer_errors(FitState& fit) {
  const Reason reason = fit.result.termination.reason;
  if (!fit.options.inference || reason == Reason::diverged || reason == Reason::interrupted) {
    return;
  }
  RowBuffer buffer;
  InferenceInput input;
  input.model = &fit.result.model;
  input.data = fit.data.get();
  input.features = [&fit, &buffer](std::int64_t first, std::int64_t count, float* out) {
    read_features(fit, first, count, buffer, out);
  };
  for (std::size_t j = 0; j < fit.feature_mean.size(); ++j) {
    // Where training has shifted a column it did so at the very value of a constant one.
    const double centre = fit.scaling.feature_mean[j];
    input.feature_mean.push_back(centre != 0.0 || !fit.options.intercept ? centre
                                                                         : fit.feature_mean[j]);
  }
  input.intercept = fit.options.intercept;
  input.weight_sum = fit.weights.sum;
  kernels::ThreadPool pool(fit.options.threads);
  fit.result.inference = infer(input, pool, fit.result.warnings);
}

void warn_of_target(FitState& fit) {
  constexpr double digits_of_a_target = 1e-6;
  const FitResult& result = fit.result;
  const Reason reason = result.termination.reason;
  if (fit.given.schedule.kind != ScheduleKind::polyak || reason == Reason::diverged ||
      reason == Reason::interrupted) {
    return;
  }
  const double target = fit.given.schedule.target;
  const double objective = result.at.objective();
  const double above = objective - target;
  const double negligible = digits_of_a_target * std::max(std::fabs(objective), std::fabs(target));
  const std::string ended =
      fmt::format("schedule polyak: the objective ended at {:.8g}", objective);
  std::string warning;
  if (above > negligible && result.gap_bound && above > *result.gap_bound + negligible) {
    warning = fmt::format(
        "{}, above its target {:.8g}, which no point reaches: the optimum is {:.8g} or more. A "
        "target below it makes steps too long",
        ended, target, objective - *result.gap_bound);
  } else if (above > negligible) {
    warning = fmt::format(
        "{}, above its target {:.8g}: it takes more --epochs, or the target is below the optimum, "
        "which makes steps too long",
        ended, target);
  } else if (above < -negligible && !result.termination.converged()) {
    warning = fmt::format(
        "{}, below its target {:.8g}, where no step is taken: give the optimum, or less", ended,
        target);
  } else if (!result.termination.converged()) {
    warning = fmt::format(
        "{}, at its target {:.8g}, where steps end: the optimum may be lower, and was not reached",
        ended, target);
  }
  if (!warning.empty()) {
    fit.result.warnings.push_back(std::move(warning));
  }
}

}  // namespace steepest::train
