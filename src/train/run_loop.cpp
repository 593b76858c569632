// SPDX-License-Identifier: Apache-2.0
#include "src/train/run_loop.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "kernels/state_archive.hpp"

namespace steepest::train {
namespace {

using Clock = std::chrono::steady_clock;

// Steps are handed to the backend in portions of about this long, so that progress moves, Ctrl-C
// and the time budget are heeded, and a GPU is still left alone for thousands of steps.
constexpr double portion_seconds = 0.1;
constexpr std::int64_t most_steps_a_portion = 4096;

// Of full-batch runs: how often the point is noted that a run which diverges goes back to.
constexpr std::int64_t steps_between_good = 256;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Evaluation in_objective_units(const Evaluation& at, const Scaling& scaling) {
  Evaluation result;
  result.mean_loss = at.mean_loss * scaling.loss_unit();
  result.penalty = at.penalty * scaling.loss_unit();
  result.gradient_max_norm = at.gradient_max_norm * scaling.gradient_unit();
  result.step_max_norm = at.step_max_norm * scaling.coefficient_unit();
  return result;
}

class Run {
 public:
  Run(kernels::Backend& backend, const kernels::ModelPlan& model, const FitPlan& plan,
      const Scaling& scaling, const RunLimits& limits, const FitCallback& progress)
      : backend_(backend),
        model_(model),
        plan_(plan),
        scaling_(scaling),
        limits_(limits),
        progress_(progress) {}

  RunOutcome to_end() {
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
      const double began = seconds_since(start_);
      if (limits_.checkpoints != nullptr) {
        steps = limits_.checkpoints->steps_to_next(before.step, steps);
      }
      records_.assign(1, {});
      backend_.run(steps, records_);
      const double ended = seconds_since(start_);
      note_steps(began, ended);
      portion = next_portion(steps, ended - began);
      if (backend_.state(0).reason == Reason::running) {
        judge_from_outside(ended);
        note_good_point();
      }
      save_if_due();
    }
    save(true);
    return finish();
  }

 private:
  // Where a run that diverges goes back to.
  struct GoodPoint {
    std::vector<double> parameters;
    std::int64_t step = 0;
    double objective = std::numeric_limits<double>::infinity();
    double gradient = std::numeric_limits<double>::infinity();  // its largest element
  };

  // None, or as many as the model has.
  void exchange_parameters(kernels::StateArchive& archive, std::vector<double>& parameters) const {
    archive.exchange_all(parameters,
                         [](kernels::StateArchive& part, double& value) { part.exchange(value); });
    if (!parameters.empty() && parameters.size() != backend_.parameters(0).size()) {
      archive.fail("it has parameters of another model");
    }
  }

  void exchange_good_point(kernels::StateArchive& archive, GoodPoint& point) const {
    exchange_parameters(archive, point.parameters);
    archive.exchange_in(point.step, 0, plan_.epochs * plan_.steps_per_epoch);
    archive.exchange(point.objective);
    archive.exchange(point.gradient);
  }

  // All that the loop itself remembers; the same both ways.
  void exchange_state(kernels::StateArchive& archive) {
    limits_.exchange_outer(archive);
    double elapsed = seconds_since(start_);
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

  void resume(const std::string& state) {
    kernels::StateArchive archive =
        kernels::StateArchive::reading(state, limits_.checkpoints->resumed_from());
    exchange_state(archive);
    archive.expect_end();
  }

  // An end that was asked for from outside is none for the run that goes on.
  void save(bool ended) {
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

  void save_if_due() {
    const kernels::ModelState state = backend_.state(0);
    if (limits_.checkpoints != nullptr && state.reason == Reason::running &&
        limits_.checkpoints->is_due(state.step)) {
      save(false);
    }
  }

  // At the same steps in every run: ends of epochs, or every so many steps. A point is good while
  // the objective falls.
  void note_good_point() {
    const kernels::ModelState state = backend_.state(0);
    constexpr double rounding = 1e-6;
    const std::int64_t every = plan_.full_batch ? steps_between_good : plan_.steps_per_epoch;
    if (!limits_.restart || state.reason != Reason::running || state.step % every != 0) {
      return;
    }
    if (state.step == 0) {
      start_point_.parameters = backend_.parameters(0);
      good_ = start_point_;
      return;
    }
    if (state.step <= good_.step) {
      return;
    }
    const double gradient = state.at.gradient_max_norm;
    largest_gradient_ = std::max(largest_gradient_, gradient);
    const bool falls =
        state.at.objective() <= good_.objective + rounding * std::fabs(good_.objective);
    if (plan_.full_batch && std::holds_alternative<PoissonLoss>(plan_.loss) &&
        !finds_rate(plan_.schedule.kind) &&
        (!falls || goes_in_circles(state.at) || has_risen(state.at))) {
      // Its curvature has no bound: steps may be too long for good without ever exploding.
      backend_.stop(0, Reason::diverged);
    } else if (falls) {
      good_ = {backend_.parameters(0), state.step, state.at.objective(), gradient};
    }
  }

  // Far from an optimum, neither the objective nor the gradient has fallen since the last good
  // point.
  [[nodiscard]] bool goes_in_circles(const Evaluation& now) const {
    constexpr double same = 0.9;
    constexpr double far = 1e-3;
    return now.objective() >= good_.objective * (1.0 - 1e-9) &&
           now.gradient_max_norm >= same * good_.gradient &&
           now.gradient_max_norm >= far * largest_gradient_;
  }

  // Steps that are too long swing about the optimum, high above where they have been.
  [[nodiscard]] bool has_risen(const Evaluation& now) const {
    constexpr double much = 1e-3;
    double lowest = now.objective();
    for (const HistoryPoint& point : outcome_.history) {
      lowest = std::min(lowest, (point.mean_loss + point.penalty) / scaling_.loss_unit());
    }
    return !is_adaptive(plan_.rule.kind) && now.objective() > lowest + much * std::fabs(lowest);
  }

  // A second time from the same point, it was not good after all.
  bool rolls_back() {
    if (backend_.state(0).reason != Reason::diverged || !limits_.restart) {
      return false;
    }
    if (good_.step == rolled_back_to_) {
      good_ = start_point_;
    }
    rolled_back_to_ = good_.step;
    if (!limits_.restart(good_.parameters, good_.step)) {
      return false;
    }
    const auto later = [this](const HistoryPoint& point) {
      return point.step > good_.step || (plan_.full_batch && point.step == good_.step);
    };
    std::erase_if(outcome_.history, later);
    stopping_ = {};
    return true;
  }

  // Full-batch records are evaluations on all rows; batch losses are not and are left out.
  void note_steps(double began, double ended) {
    if (!plan_.full_batch) {
      return;
    }
    const auto& records = records_.front();
    for (std::size_t i = 0; i < records.size(); ++i) {
      const double share = static_cast<double>(i + 1) / static_cast<double>(records.size());
      note(records[i].step, records[i].learning_rate, records[i].at,
           began + share * (ended - began));
    }
  }

  void note(std::int64_t step, double rate, const Evaluation& at, double seconds) {
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

  static std::int64_t next_portion(std::int64_t steps, double seconds) {
    const double wanted = seconds > 0.0 ? static_cast<double>(steps) * portion_seconds / seconds
                                        : static_cast<double>(steps) * 4.0;
    const double grown = std::min(wanted, static_cast<double>(steps) * 4.0);
    return std::clamp(static_cast<std::int64_t>(grown), std::int64_t{1}, most_steps_a_portion);
  }

  // Epoch ends of mini-batch runs, the time budget, the caller's wish.
  void judge_from_outside(double now) {
    kernels::ModelState state = backend_.state(0);
    if (!plan_.full_batch && state.step % plan_.steps_per_epoch == 0) {
      backend_.evaluate();
      state = backend_.state(0);
      note(state.step, state.learning_rate, state.at, seconds_since(start_));
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
    } else if (limits_.max_seconds > 0.0 && now - seconds_before_start_ >= limits_.max_seconds) {
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
  bool is_certified(std::int64_t turn) {
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
  bool is_overfitted(std::int64_t step) {
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

  // What a budget or the validation rows ended goes back to its best point.
  void put_back_best(Reason reason) {
    const bool budget = reason == Reason::epochs || reason == Reason::seconds;
    if (best_parameters_.empty() || (!budget && reason != Reason::validation)) {
      return;
    }
    if (backend_.parameters(0) != best_parameters_) {
      limits_.put_back(best_parameters_);
    }
  }

  [[nodiscard]] FitProgress describe(const kernels::ModelState& state) const {
    FitProgress now;
    now.step = state.step;
    now.epoch = static_cast<double>(state.step) / static_cast<double>(plan_.steps_per_epoch);
    now.epochs = limits_.epochs;
    now.gradient_tolerance = model_.tolerances.gradient * scaling_.gradient_unit();
    if (!outcome_.history.empty()) {
      const HistoryPoint& last = outcome_.history.back();
      now.objective = last.mean_loss + last.penalty;
      now.gradient_max_norm = last.gradient_max_norm;
      now.first_gradient_max_norm = outcome_.history.front().gradient_max_norm;
    }
    return now;
  }

  RunOutcome finish() {
    outcome_.state = backend_.state(0);
    const Reason reason = outcome_.state.reason;
    const bool judged_here =
        plan_.full_batch && (reason == Reason::gradient || reason == Reason::loss ||
                             reason == Reason::step || reason == Reason::rounding);
    const Evaluation last = outcome_.state.at;
    put_back_best(reason);
    if (!judged_here) {
      backend_.evaluate();
    }
    if (reason == Reason::diverged || reason == Reason::interrupted) {
      outcome_.gap = {std::nullopt,
                      reason == Reason::diverged ? "the run diverged" : "the run was interrupted"};
    } else if (limits_.gap) {
      outcome_.gap = limits_.gap(reason != Reason::seconds);
    }
    outcome_.seconds = seconds_since(start_);
    outcome_.at = in_objective_units(backend_.state(0).at, scaling_);
    outcome_.termination = {reason, inequality(reason, last)};
    return std::move(outcome_);
  }

  [[nodiscard]] std::string inequality(Reason reason, const Evaluation& last) const {
    const Evaluation real = in_objective_units(last, scaling_);
    const Tolerances& tolerances = model_.tolerances;
    const double gradient_tolerance = model_.tolerances.gradient * scaling_.gradient_unit();
    const std::string_view turns = plan_.full_batch ? "steps" : "epochs";
    switch (reason) {
      case Reason::gradient:
        return fmt::format("gradient_max_norm {:.3g} <= {:.3g}", real.gradient_max_norm,
                           gradient_tolerance);
      case Reason::loss:
        return fmt::format("decrease of the objective <= {:.3g} * objective, {} {} in a row",
                           tolerances.loss, tolerances.patience, turns);
      case Reason::step:
        return fmt::format("step_max_norm {:.3g} <= {:.3g}, {} {} in a row", real.step_max_norm,
                           tolerances.step * scaling_.coefficient_unit(), tolerances.patience,
                           turns);
      case Reason::epochs:
        return fmt::format("epochs {} >= {}", limits_.epochs, limits_.epochs);
      case Reason::seconds:
        return fmt::format("seconds {:.3g} >= {:.3g}",
                           seconds_since(start_) - seconds_before_start_ + limits_.seconds_before,
                           limits_.max_seconds + limits_.seconds_before);
      case Reason::diverged:
        return is_finite(real.objective()) && is_finite(real.gradient_max_norm)
                   ? fmt::format("objective {:.3g} > {:.3g} * {:.3g}, its first value",
                                 real.objective(), tolerances.explosion_factor,
                                 first_objective() * scaling_.loss_unit())
                   : fmt::format("the objective is not finite after step {}", outcome_.state.step);
      case Reason::interrupted:
        return "the run was interrupted";
      case Reason::gap:
        return fmt::format("gap_bound {:.3g} <= {:.3g}", outcome_.gap.value.value_or(0.0),
                           limits_.tolerance_gap);
      case Reason::rounding:
        return fmt::format(
            "no step lowers the objective beyond its rounding; gradient_max_norm {:.3g} > {:.3g}",
            real.gradient_max_norm, gradient_tolerance);
      case Reason::validation:
        return fmt::format(
            "validation loss {:.6g} >= {:.6g}, {} {} in a row; kept is the point of the least, {} "
            "{}",
            validation_loss_, best_validation_loss_, limits_.validation_patience, turns,
            plan_.full_batch ? "step" : "epoch", best_step_ / plan_.steps_per_epoch);
      case Reason::running:
      case Reason::separable:
        break;
    }
    return "";
  }

  [[nodiscard]] double first_objective() const {
    return plan_.full_batch ? outcome_.state.stopping.first_objective : stopping_.first_objective;
  }

  kernels::Backend& backend_;
  const kernels::ModelPlan& model_;
  const FitPlan& plan_;
  const Scaling& scaling_;
  const RunLimits& limits_;
  const FitCallback& progress_;
  Clock::time_point start_ = Clock::now();
  double seconds_before_start_ = 0.0;  // of processes that the run goes on from
  StoppingState stopping_;
  GoodPoint start_point_;
  GoodPoint good_;
  std::int64_t rolled_back_to_ = -1;
  double largest_gradient_ = 0.0;  // at the points looked at
  std::int64_t next_certificate_ = 0;
  double validation_loss_ = std::numeric_limits<double>::quiet_NaN();  // at validated_step_
  std::int64_t validated_step_ = -1;
  double best_validation_loss_ = 0.0;  // at best_parameters_
  std::int64_t best_step_ = 0;
  std::vector<double> best_parameters_;
  std::vector<double> last_validated_;
  std::int64_t worse_turns_ = 0;
  std::vector<std::vector<kernels::StepRecord>> records_;
  RunOutcome outcome_;
};

}  // namespace

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

RunOutcome run_to_end(kernels::Backend& backend, const kernels::ModelPlan& model,
                      const FitPlan& plan, const Scaling& scaling, const RunLimits& limits,
                      const FitCallback& progress) {
  return Run(backend, model, plan, scaling, limits, progress).to_end();
}

}  // namespace steepest::train
