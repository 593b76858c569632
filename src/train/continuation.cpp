// SPDX-License-Identifier: Apache-2.0
#include "src/train/continuation.hpp"

#include <algorithm>
#include <utility>

namespace steepest::train {

Continuation::Continuation(ContinuationPlan plan, const FitCallback& progress)
    : plan_(std::move(plan)), progress_(progress) {
  if (plan_.resumed) {
    kernels::StateArchive archive =
        kernels::StateArchive::reading(*plan_.resumed, plan_.checkpoints->resumed_from());
    plan_.exchange_outer(archive);
    exchange_state(archive);
  }
}

void Continuation::exchange_state(kernels::StateArchive& archive) {
  constexpr std::int64_t most = 100;  // of descents, and of steps counted beside theirs
  archive.exchange_in(descent_, 0, most);
  archive.exchange(is_over_);
  archive.exchange_all(parameters_,
                       [](kernels::StateArchive& part, double& value) { part.exchange(value); });
  const std::int64_t elements = plan_.plan.columns * (plan_.features + 1);
  if (!parameters_.empty() && static_cast<std::int64_t>(parameters_.size()) != elements) {
    archive.fail("it has parameters of another model");
  }
  archive.exchange_in(steps_, 0, plan_.plan.epochs + most);
  archive.exchange_all(history_, exchange_point);
}

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
  if (is_over_ || descents_++ < descent_) {
    return true;
  }
  start(loss, rate, gradient_tolerance);
  RunLimits limits;
  const std::int64_t left = plan_.plan.epochs - steps_;
  limits.epochs = std::min(left, most_epochs);
  limits.max_seconds = plan_.max_seconds;
  limits.seconds_before = seconds();
  limits.checkpoints = plan_.checkpoints;
  limits.is_last = false;
  limits.exchange_outer = [this](kernels::StateArchive& archive) {
    plan_.exchange_outer(archive);
    exchange_state(archive);
  };
  limits.resumed = std::exchange(plan_.resumed, std::nullopt);
  const RunOutcome stage =
      run_to_end(plan_.backend, model_, plan_.plan, plan_.scaling, limits, progress_);
  const double before = history_.empty() ? 0.0 : history_.back().seconds;
  for (HistoryPoint point : stage.history) {
    point.step += steps_;
    point.seconds += before;
    point.epoch += static_cast<double>(steps_);
    history_.push_back(point);
  }
  ++descent_;
  steps_ += stage.state.step;
  parameters_ = plan_.backend.parameters(0);
  reason_ = stage.termination.reason;
  return reason_ != Reason::interrupted && reason_ != Reason::seconds &&
         reason_ != Reason::diverged && (reason_ != Reason::epochs || left > most_epochs);
}

}  // namespace steepest::train
