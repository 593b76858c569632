// SPDX-License-Identifier: Apache-2.0
// A run's checkpoints: all that it remembers, both ways.
#include <chrono>
#include <cstdint>
#include <limits>
#include <vector>

#include "src/train/run.hpp"

namespace steepest::train {

// None, or as many as the model has.
void Run::exchange_parameters(kernels::StateArchive& archive,
                              std::vector<double>& parameters) const {
  archive.exchange_all(parameters,
                       [](kernels::StateArchive& part, double& value) { part.exchange(value); });
  if (!parameters.empty() && parameters.size() != backend_.parameters(0).size()) {
    archive.fail("it has parameters of another model");
  }
}

void Run::exchange_good_point(kernels::StateArchive& archive, GoodPoint& point) const {
  exchange_parameters(archive, point.parameters);
  archive.exchange_in(point.step, 0, plan_.epochs * plan_.steps_per_epoch);
  archive.exchange(point.objective);
  archive.exchange(point.gradient);
}

// All that the loop itself remembers; the same both ways.
void Run::exchange_state(kernels::StateArchive& archive) {
  limits_.exchange_outer(archive);
  double elapsed = run_seconds();
  archive.exchange(elapsed);
  constexpr double longest = 1e9;
  if (!(elapsed >= 0.0 && elapsed <= longest)) {
    archive.fail("it has a time that no run took");
  }
  if (archive.is_reading()) {
    seconds_before_start_ = elapsed;
  }
  start_ = Clock::now() -
           std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(elapsed));
  kernels::exchange_state(archive, stopping_);
  archive.exchange_in(next_certificate_, 0, std::numeric_limits<std::int64_t>::max() / 2);
  archive.exchange_all(outcome_.history, exchange_point);
  exchange_good_point(archive, start_point_);
  exchange_good_point(archive, good_);
  archive.exchange(rolled_back_to_);
  archive.exchange(largest_gradient_);
  archive.exchange(validation_loss_);
  archive.exchange(validated_step_);
  archive.exchange(best_validation_loss_);
  archive.exchange(best_step_);
  exchange_parameters(archive, best_parameters_);
  exchange_parameters(archive, last_validated_);
  archive.exchange(worse_turns_);
  backend_.exchange_state(archive);
}

void Run::resume(const std::string& state) {
  kernels::StateArchive archive =
      kernels::StateArchive::reading(state, limits_.checkpoints->resumed_from());
  exchange_state(archive);
  archive.expect_end();
}

// An end that was asked for from outside is none for the run that goes on.
void Run::save(bool ended) {
  if (limits_.checkpoints == nullptr || !limits_.checkpoints->is_used()) {
    return;
  }
  const kernels::ModelState state = backend_.state(0);
  if (ended && (state.reason == Reason::interrupted || state.reason == Reason::seconds)) {
    return;
  }
  kernels::StateArchive archive = kernels::StateArchive::writing();
  exchange_state(archive);
  limits_.checkpoints->save(ended, archive.written());
}

void Run::save_if_due() {
  const kernels::ModelState state = backend_.state(0);
  if (limits_.checkpoints != nullptr && state.reason == Reason::running &&
      limits_.checkpoints->is_due(state.step)) {
    save(false);
  }
}

void exchange_point(kernels::StateArchive& archive, HistoryPoint& point) {
  archive.exchange(point.step);
  archive.exchange(point.epoch);
  archive.exchange(point.seconds);
  archive.exchange(point.learning_rate);
  archive.exchange(point.mean_loss);
  archive.exchange(point.penalty);
  archive.exchange(point.gradient_max_norm);
  archive.exchange(point.validation_loss);
}
}  // namespace steepest::train
