// SPDX-License-Identifier: Apache-2.0
// What a run tells: how far it is, where it ended, and the inequality that held.
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/train/run.hpp"

namespace steepest::train {

Evaluation in_objective_units(const Evaluation& at, const Scaling& scaling) {
  Evaluation result;
  result.mean_loss = at.mean_loss * scaling.loss_unit();
  result.penalty = at.penalty * scaling.loss_unit();
  result.gradient_max_norm = at.gradient_max_norm * scaling.gradient_unit();
  result.step_max_norm = at.step_max_norm * scaling.coefficient_unit();
  return result;
}

// What a budget or the validation rows ended goes back to its best point.
void Run::put_back_best(Reason reason) {
  const bool budget = reason == Reason::epochs || reason == Reason::seconds;
  if (best_parameters_.empty() || (!budget && reason != Reason::validation)) {
    return;
  }
  if (backend_.parameters(0) != best_parameters_) {
    limits_.put_back(best_parameters_);
  }
}

FitProgress Run::describe(const kernels::ModelState& state) const {
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

RunOutcome Run::finish() {
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
  outcome_.seconds = run_seconds();
  outcome_.at = in_objective_units(backend_.state(0).at, scaling_);
  outcome_.termination = {reason, inequality(reason, last)};
  return std::move(outcome_);
}

std::string Run::inequality(Reason reason, const Evaluation& last) const {
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
                         tolerances.step * scaling_.coefficient_unit(), tolerances.patience, turns);
    case Reason::epochs:
      return fmt::format("epochs {} >= {}", limits_.epochs, limits_.epochs);
    case Reason::seconds:
      return fmt::format("seconds {:.3g} >= {:.3g}", seconds_of_start(run_seconds()),
                         limits_.max_seconds);
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

double Run::first_objective() const {
  return plan_.full_batch ? outcome_.state.stopping.first_objective : stopping_.first_objective;
}

}  // namespace steepest::train
