// SPDX-License-Identifier: Apache-2.0
#include "src/train/sweep_bank.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "kernels/state_archive.hpp"
#include "kernels/update.hpp"
#include "src/train/sweep_curve.hpp"

namespace steepest::train {
namespace {

using Clock = std::chrono::steady_clock;

// As in run_loop.cpp: short enough to heed the caller, long enough to leave a GPU alone.
constexpr double portion_seconds = 0.1;
constexpr std::int64_t most_records_a_portion = 65536;

class BankRun {
 public:
  BankRun(HeldData& held, const SweepLayout& layout, const std::vector<std::size_t>& members,
          const SweepOptions& options, Validation* validation, const BankCheckpoints& checkpoints,
          BankLeg& leg, const BankCallback& progress)
      : held_(held),
        backend_(*held.backend),
        fit_(layout.fits[members.front()]),
        total_(fit_.epochs * fit_.steps_per_epoch),
        leg_(leg),
        leg_end_(leg.epochs * fit_.steps_per_epoch),
        kept_(curve_steps(total_, fit_.full_batch ? 1 : fit_.steps_per_epoch, options.most_points)),
        validation_(validation),
        checkpoints_(checkpoints),
        progress_(progress),
        runs_(members.size()),
        records_(members.size()),
        stopping_(members.size()) {
    bank_.loss = fit_.loss;
    bank_.outputs = fit_.columns;
    bank_.batch_size = fit_.batch_size;
    bank_.together = fit_.together;
    bank_.most_steps = total_;
    for (std::size_t k = 0; k < members.size(); ++k) {
      const SweepCase& what = layout.plan.cases[members[k]];
      runs_[k].what = what;
      runs_[k].best_objective = std::numeric_limits<double>::infinity();
      bank_.seed = what.seed;
      kernels::ModelPlan model;
      model.rule = what.rule;
      model.schedule = trained_schedule(what.schedule, held.scaling);
      model.penalty.l2 = fit_.l2;
      model.penalty.l1 = options.problem.l1 / held_.scaling.gradient_unit();
      model.clip_norm = options.problem.clip_norm / held_.scaling.gradient_unit();
      model.has_intercept = options.problem.intercept;
      bank_.models.push_back(model);
    }
    keep_to(layout.set, held_.features, bank_);
  }

  std::vector<SweepRun> to_end_of_leg() {
    backend_.start(bank_);
    if (checkpoints_.resumed) {
      resume();
    } else if (!leg_.state.empty()) {
      go_on();
    } else {
      begin();
    }
    prune();
    std::int64_t portion = 1;
    while (step_ < leg_end_ && running() > 0) {
      const double began = seconds();
      const std::int64_t steps = next_steps(portion);
      take(steps);
      const double wanted =
          static_cast<double>(steps) * portion_seconds / std::max(seconds() - began, 1e-9);
      portion =
          static_cast<std::int64_t>(std::clamp(wanted, 1.0, 4.0 * static_cast<double>(steps)));
      if (progress_ &&
          !progress_(static_cast<double>(step_) / static_cast<double>(total_), runs_)) {
        save();
        stop_all(Reason::interrupted);
      } else if (running() > 0 && checkpoints_.folder->is_due(step_)) {
        save();
      }
    }
    if (running() > 0 && step_ < total_) {
      halt();
    } else {
      leg_.state.clear();
      stop_all(Reason::epochs);
      finish();
    }
    return std::move(runs_);
  }

 private:
  // For the next leg; runs show what is known of them.
  void halt() {
    kernels::StateArchive archive = kernels::StateArchive::writing();
    exchange_own_state(archive);
    leg_.state = archive.written();
    for (std::size_t k = 0; k < runs_.size(); ++k) {
      if (runs_[k].reason == Reason::running) {
        show(runs_[k], state_of(k));
      }
    }
  }

  void go_on() {
    kernels::StateArchive archive = kernels::StateArchive::reading(leg_.state, "an earlier leg");
    exchange_own_state(archive);
  }

  void begin() {
    validate();
    if (fit_.full_batch) {
      return;
    }
    backend_.evaluate();
    share_time();
    for (std::size_t k = 0; k < runs_.size(); ++k) {
      const kernels::ModelState state = state_of(k);
      const double loss = state.at.mean_loss;
      note(k, 0, step_factors(bank_.models[k], state, loss).rate, state.at);
      keep_best(runs_[k], objective_of(state.at));
      static_cast<void>(judge(bank_.models[k].tolerances, state.at, stopping_[k]));
    }
  }

  // The same both ways, and so is the next.
  void exchange_state(kernels::StateArchive& archive) {
    checkpoints_.exchange_outer(archive);
    exchange_own_state(archive);
  }

  void exchange_own_state(kernels::StateArchive& archive) {
    archive.exchange_in(step_, 0, total_);
    for (std::size_t k = 0; k < runs_.size(); ++k) {
      train::exchange_state(archive, runs_[k]);
      kernels::exchange_state(archive, stopping_[k]);
    }
    archive.exchange_all(validated_,
                         [](kernels::StateArchive& part, double& loss) { part.exchange(loss); });
    archive.exchange(validated_step_);
    backend_.exchange_state(archive);
  }

  void resume() {
    kernels::StateArchive archive =
        kernels::StateArchive::reading(*checkpoints_.resumed, checkpoints_.folder->resumed_from());
    exchange_state(archive);
    archive.expect_end();
    if (!validated_.empty() && validated_.size() != runs_.size()) {
      archive.fail("it has losses of other runs");
    }
  }

  void save() {
    if (checkpoints_.folder->is_used()) {
      kernels::StateArchive archive = kernels::StateArchive::writing();
      exchange_state(archive);
      checkpoints_.folder->save(false, archive.written());
    }
  }

  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
  }

  [[nodiscard]] kernels::ModelState state_of(std::size_t k) const {
    return backend_.state(static_cast<std::int64_t>(k));
  }

  [[nodiscard]] std::int64_t running() const {
    return std::count_if(runs_.begin(), runs_.end(),
                         [](const SweepRun& run) { return run.reason == Reason::running; });
  }

  [[nodiscard]] std::int64_t next_steps(std::int64_t portion) const {
    const std::int64_t left =
        fit_.full_batch ? leg_end_ - step_ : fit_.steps_per_epoch - step_ % fit_.steps_per_epoch;
    // The parameters of a point are there to be validated only between portions.
    const auto point = std::upper_bound(kept_.begin(), kept_.end(), step_);
    const std::int64_t to_point =
        validation_ == nullptr || point == kept_.end() ? left : *point - step_;
    const std::int64_t most =
        std::max<std::int64_t>(1, most_records_a_portion / static_cast<std::int64_t>(runs_.size()));
    return checkpoints_.folder->steps_to_next(step_, std::min({portion, left, to_point, most}));
  }

  // What the runs that ran have cost since the last call, in equal shares.
  void share_time() {
    const double now = seconds();
    const std::int64_t sharers = running();
    for (SweepRun& run : runs_) {
      if (run.reason == Reason::running) {
        run.seconds += (now - shared_) / static_cast<double>(sharers);
      }
    }
    shared_ = now;
  }

  void take(std::int64_t steps) {
    for (auto& records : records_) {
      records.clear();
    }
    backend_.run(steps, records_);
    step_ += steps;
    const bool evaluated = !fit_.full_batch && step_ % fit_.steps_per_epoch == 0;
    share_time();
    for (std::size_t k = 0; k < runs_.size(); ++k) {
      if (runs_[k].reason != Reason::running) {
        continue;
      }
      if (fit_.full_batch) {
        for (const kernels::StepRecord& record : records_[k]) {
          note(k, record.step, record.learning_rate, record.at);
          // What is looked ahead at may lie outside the set, below its optimum.
          if (!bank_.models[k].has_detours() || !is_confined(k)) {
            keep_best(runs_[k], objective_of(record.at));
          }
        }
      }
      end_if_diverged(k, state_of(k));
    }
    validate();
    if (evaluated && running() > 0) {
      judge_epoch();
    }
  }

  // What the leg ends at once.
  void prune() {
    for (const std::size_t k : leg_.pruned) {
      if (runs_[k].reason == Reason::running) {
        end(k, Reason::interrupted, state_of(k));
        runs_[k].pruned = true;
        backend_.stop(static_cast<std::int64_t>(k), Reason::interrupted);
      }
    }
  }

  void validate() {
    if (validation_ == nullptr || !std::binary_search(kept_.begin(), kept_.end(), step_)) {
      return;
    }
    validated_ = validation_->mean_losses(backend_, bank_);
    validated_step_ = step_;
    shared_ = seconds();  // the runs do not pay for it
  }

  // A batch says little: explosions are seen at the end of an epoch.
  void judge_epoch() {
    backend_.evaluate();
    share_time();
    for (std::size_t k = 0; k < runs_.size(); ++k) {
      if (runs_[k].reason != Reason::running) {
        continue;
      }
      const kernels::ModelState state = state_of(k);
      note(k, state.step, state.learning_rate, state.at);
      keep_best(runs_[k], objective_of(state.at));
      if (judge(bank_.models[k].tolerances, state.at, stopping_[k]) == Reason::diverged) {
        backend_.stop(static_cast<std::int64_t>(k), Reason::diverged);
        end_if_diverged(k, state_of(k));
      }
    }
  }

  void end_if_diverged(std::size_t k, const kernels::ModelState& state) {
    if (state.reason == Reason::running) {
      return;
    }
    // A search that rounding ends is at the optimum, where the rest of its steps would leave it.
    end(k, state.reason == Reason::rounding ? Reason::epochs : state.reason, state);
  }

  void end(std::size_t k, Reason reason, const kernels::ModelState& state) {
    SweepRun& run = runs_[k];
    run.reason = reason;
    show(run, state);
    if (reason == Reason::diverged && is_finite(run.final_objective) &&
        (run.curve.empty() || run.curve.back().step < state.step)) {
      add_point(k, state.step, state.learning_rate, run.final_objective);
    }
  }

  // Rounded as fit rounds it.
  [[nodiscard]] double objective_of(const Evaluation& at) const {
    const double unit = held_.scaling.loss_unit();
    return at.mean_loss * unit + at.penalty * unit;
  }

  void show(SweepRun& run, const kernels::ModelState& state) const {
    run.steps = state.step;
    run.epochs = epoch_of(state.step);
    run.final_objective = objective_of(state.at);
  }

  void stop_all(Reason reason) {
    for (std::size_t k = 0; k < runs_.size(); ++k) {
      if (runs_[k].reason == Reason::running) {
        end(k, reason, state_of(k));
        backend_.stop(static_cast<std::int64_t>(k), reason);
      }
    }
  }

  // Full-batch records stop one step short of the parameters kept.
  void finish() {
    const bool any_alive = std::any_of(runs_.begin(), runs_.end(), [](const SweepRun& run) {
      return run.reason != Reason::diverged;
    });
    if (!any_alive) {
      return;
    }
    const bool known = !fit_.full_batch && step_ % fit_.steps_per_epoch == 0;
    if (!known) {
      backend_.evaluate();
    }
    for (std::size_t k = 0; k < runs_.size(); ++k) {
      SweepRun& run = runs_[k];
      if (run.reason == Reason::diverged) {
        continue;
      }
      const kernels::ModelState state = state_of(k);
      run.final_objective = objective_of(state.at);
      keep_best(run, run.final_objective);
      if (run.curve.empty() || run.curve.back().step < state.step) {
        add_point(k, state.step, state.learning_rate, run.final_objective);
      }
    }
  }

  void note(std::size_t k, std::int64_t step, double rate, const Evaluation& at) {
    SweepRun& run = runs_[k];
    const double objective = objective_of(at);
    if (is_finite(objective) && std::binary_search(kept_.begin(), kept_.end(), step) &&
        (run.curve.empty() || run.curve.back().step < step)) {
      add_point(k, step, rate, objective);
    }
  }

  void add_point(std::size_t k, std::int64_t step, double rate, double objective) {
    SweepRun& run = runs_[k];
    run.validation_loss = step == validated_step_ && run.reason != Reason::diverged
                              ? validated_[k]
                              : std::numeric_limits<double>::quiet_NaN();
    run.curve.push_back({step, epoch_of(step), run.seconds, rate, objective, run.validation_loss,
                         bytes_read(step)});
  }

  [[nodiscard]] bool is_confined(std::size_t k) const {
    return bank_.models[k].is_bounded || bank_.models[k].on_simplex;
  }

  static void keep_best(SweepRun& run, double objective) {
    if (is_finite(objective)) {
      run.best_objective = std::min(run.best_objective, objective);
    }
  }

  [[nodiscard]] double bytes_read(std::int64_t steps) const {
    const auto width = static_cast<double>(held_.features);
    const Storage storage = backend_.storage();
    const double row_bytes = width * (storage == Storage::uint8      ? 1.0
                                      : storage == Storage::bfloat16 ? 2.0
                                                                     : 4.0);
    const double all_rows = static_cast<double>(held_.rows) * row_bytes;
    if (backend_.uses_normal_equations() && steps > 0) {
      return all_rows + 8.0 * static_cast<double>(steps) * (width + 1.0) * (width + 1.0);
    }
    return epoch_of(steps) * all_rows;
  }

  [[nodiscard]] double epoch_of(std::int64_t step) const {
    return static_cast<double>(step) / static_cast<double>(fit_.steps_per_epoch);
  }

  HeldData& held_;
  kernels::Backend& backend_;
  const FitPlan& fit_;
  std::int64_t total_;
  BankLeg& leg_;
  std::int64_t leg_end_;
  std::vector<std::int64_t> kept_;
  Validation* validation_;
  const BankCheckpoints& checkpoints_;
  const BankCallback& progress_;
  std::vector<double> validated_;  // of the models, at validated_step_
  std::int64_t validated_step_ = -1;
  kernels::BankPlan bank_;
  std::vector<SweepRun> runs_;
  std::vector<std::vector<kernels::StepRecord>> records_;
  std::vector<StoppingState> stopping_;
  std::int64_t step_ = 0;
  Clock::time_point start_ = Clock::now();
  double shared_ = 0.0;
};

}  // namespace

std::vector<SweepRun> run_bank(HeldData& held, const SweepLayout& layout,
                               const std::vector<std::size_t>& members, const SweepOptions& options,
                               Validation* validation, const BankCheckpoints& checkpoints,
                               BankLeg& leg, const BankCallback& progress) {
  return BankRun(held, layout, members, options, validation, checkpoints, leg, progress)
      .to_end_of_leg();
}

}  // namespace steepest::train
