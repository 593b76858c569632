// SPDX-License-Identifier: Apache-2.0
#include "src/train/run_loop.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "src/train/run.hpp"

namespace steepest::train {
namespace {

// Steps are handed to the backend in portions of about this long, so that progress moves, Ctrl-C
// and the time budget are heeded, and a GPU is still left alone for thousands of steps.
constexpr double portion_seconds = 0.1;
constexpr std::int64_t most_steps_a_portion = 4096;

}  // namespace

double Run::run_seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

RunOutcome Run::to_end() {
  const std::int64_t budget = limits_.epochs * plan_.steps_per_epoch;
  std::int64_t portion = 1;
  if (limits_.resumed) {
    resume(*limits_.resumed);
  } else {
    note_good_point();
  }
  while (backend_.state(0).reason == Reason::running || rolls_back()) {
    const kernels::ModelState before = backend_.state(0);
    if (before.step >= budget) {
      backend_.stop(0, Reason::epochs);
      break;
    }
    if ((plan_.full_batch || before.step == 0) && is_overfitted(before.step)) {
      backend_.stop(0, Reason::validation);
      break;
    }
    const std::int64_t left_in_epoch =
        plan_.full_batch ? budget - before.step
                         : plan_.steps_per_epoch - before.step % plan_.steps_per_epoch;
    std::int64_t steps = std::min({portion, left_in_epoch, budget - before.step});
    if (limits_.tolerance_gap > 0.0 && plan_.full_batch) {  // at the same steps every time
      steps = std::min(steps, std::max<std::int64_t>(1, next_certificate_ - before.step));
    }
    if (plan_.full_batch && limits_.restart) {
      steps = std::min(steps, steps_between_good - before.step % steps_between_good);
    }
    if (limits_.validation_loss && plan_.full_batch) {
      steps = 1;
    }
    const double began = run_seconds();
    if (limits_.checkpoints != nullptr) {
      steps = limits_.checkpoints->steps_to_next(before.step, steps);
    }
    records_.assign(1, {});
    backend_.run(steps, records_);
    const double ended = run_seconds();
    note_steps(began, ended);
    portion = next_portion(steps, ended - began);
    if (backend_.state(0).reason == Reason::running) {
      judge_from_outside(ended);
      note_good_point();
    }
    save_if_due();
  }
  if (limits_.is_last) {
    save(true);
  }
  return finish();
}

// Full-batch records are evaluations on all rows; batch losses are not and are left out.
void Run::note_steps(double began, double ended) {
  if (!plan_.full_batch) {
    return;
  }
  const auto& records = records_.front();
  for (std::size_t i = 0; i < records.size(); ++i) {
    const double share = static_cast<double>(i + 1) / static_cast<double>(records.size());
    note(records[i].step, records[i].learning_rate, records[i].at, began + share * (ended - began));
  }
}

void Run::note(std::int64_t step, double rate, const Evaluation& at, double seconds) {
  const Evaluation real = in_objective_units(at, scaling_);
  HistoryPoint point;
  point.step = step;
  point.epoch = static_cast<double>(step) / static_cast<double>(plan_.steps_per_epoch);
  point.seconds = seconds;
  point.learning_rate = rate;
  point.mean_loss = real.mean_loss;
  point.penalty = real.penalty;
  point.gradient_max_norm = real.gradient_max_norm;
  if (plan_.full_batch && step == validated_step_) {
    point.validation_loss = validation_loss_;
  }
  outcome_.history.push_back(point);
}

std::int64_t Run::next_portion(std::int64_t steps, double seconds) {
  const double wanted = seconds > 0.0 ? static_cast<double>(steps) * portion_seconds / seconds
                                      : static_cast<double>(steps) * 4.0;
  const double grown = std::min(wanted, static_cast<double>(steps) * 4.0);
  return std::clamp(static_cast<std::int64_t>(grown), std::int64_t{1}, most_steps_a_portion);
}

// Epoch ends of mini-batch runs, the time budget, the caller's wish.
void Run::judge_from_outside(double now) {
  kernels::ModelState state = backend_.state(0);
  if (!plan_.full_batch && state.step % plan_.steps_per_epoch == 0) {
    backend_.evaluate();
    state = backend_.state(0);
    note(state.step, state.learning_rate, state.at, run_seconds());
    const Reason verdict = judge(model_.tolerances, state.at, stopping_);
    if (verdict != Reason::running) {
      backend_.stop(0, verdict);
      return;
    }
    if (is_certified(state.step / plan_.steps_per_epoch)) {
      backend_.stop(0, Reason::gap);
      return;
    }
    const bool overfitted = is_overfitted(state.step);
    outcome_.history.back().validation_loss = validation_loss_;
    if (overfitted) {
      backend_.stop(0, Reason::validation);
      return;
    }
  }
  if (plan_.full_batch && is_certified(state.step)) {
    backend_.stop(0, Reason::gap);
  } else if (limits_.max_seconds > 0.0 && seconds_of_start(now) >= limits_.max_seconds) {
    note_good_point();
    save(false);
    backend_.stop(0, Reason::seconds);
  } else if (progress_ && !progress_(describe(state))) {
    note_good_point();
    save(false);
    backend_.stop(0, Reason::interrupted);
  }
}

// Asked at every turn, a step or an epoch. A certificate costs from two to a dozen passes, so it
// is made at ever rarer turns, the same ones in every run.
bool Run::is_certified(std::int64_t turn) {
  constexpr std::int64_t fewest_steps = 20;
  if (limits_.tolerance_gap <= 0.0 || turn < next_certificate_) {
    return false;
  }
  next_certificate_ = turn + std::max(plan_.full_batch ? fewest_steps : 1, turn / 2);
  if (plan_.full_batch) {
    backend_.evaluate();
  }
  outcome_.gap = limits_.gap(true);
  return outcome_.gap.value && *outcome_.gap.value <= limits_.tolerance_gap;
}

// Measures the current point on the validation rows, where there are any, and keeps it if it is
// the best.
bool Run::is_overfitted(std::int64_t step) {
  if (!limits_.validation_loss) {
    return false;
  }
  std::vector<double> now = backend_.parameters(0);
  if (now == last_validated_) {  // a step that was not taken tells nothing
    return false;
  }
  last_validated_ = std::move(now);
  validation_loss_ = limits_.validation_loss();
  validated_step_ = step;
  if (best_parameters_.empty() || validation_loss_ < best_validation_loss_) {
    best_validation_loss_ = validation_loss_;
    best_step_ = step;
    best_parameters_ = backend_.parameters(0);
    worse_turns_ = 0;
    return false;
  }
  return ++worse_turns_ >= limits_.validation_patience;
}

RunOutcome run_to_end(kernels::Backend& backend, const kernels::ModelPlan& model,
                      const FitPlan& plan, const Scaling& scaling, const RunLimits& limits,
                      const FitCallback& progress) {
  return Run(backend, model, plan, scaling, limits, progress).to_end();
}

}  // namespace steepest::train
