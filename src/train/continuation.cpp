// SPDX-License-Identifier: Apache-2.0
#include "src/train/continuation.hpp"

#include <algorithm>

namespace steepest::train {

void Continuation::start(const RowLoss& loss, double rate, double gradient_tolerance) {
  model_ = {};
  model_.rule = plan_.plan.rule;
  model_.schedule = plan_.plan.schedule;
  model_.schedule.learning_rate = rate;
  model_.penalty.l2 = plan_.plan.l2;
  model_.has_intercept = plan_.intercept;
  model_.tolerances.gradient = gradient_tolerance;
  kernels::BankPlan bank;
  bank.loss = loss;
  bank.outputs = plan_.plan.columns;
  bank.models = {model_};
  bank.batch_size = plan_.plan.batch_size;
  bank.initial = parameters_;
  bank.most_steps = plan_.plan.epochs;
  bank.preconditioner = plan_.preconditioner;
  plan_.backend.start(std::move(bank));
}

bool Continuation::descend(const RowLoss& loss, double rate, double gradient_tolerance) {
  constexpr std::int64_t most_epochs = 300;
  start(loss, rate, gradient_tolerance);
  RunLimits limits;
  const std::int64_t left = plan_.plan.epochs - steps_;
  limits.epochs = std::min(left, most_epochs);
  if (plan_.max_seconds > 0.0) {
    limits.max_seconds = std::max(1e-9, plan_.max_seconds - seconds());
  }
  const RunOutcome stage =
      run_to_end(plan_.backend, model_, plan_.plan, plan_.scaling, limits, progress_);
  for (HistoryPoint point : stage.history) {
    point.step += steps_;
    point.epoch += static_cast<double>(steps_);
    history_.push_back(point);
  }
  steps_ += stage.state.step;
  parameters_ = plan_.backend.parameters(0);
  reason_ = stage.termination.reason;
  return reason_ != Reason::interrupted && reason_ != Reason::seconds &&
         reason_ != Reason::diverged && (reason_ != Reason::epochs || left > most_epochs);
}

}  // namespace steepest::train
