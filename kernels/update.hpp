// SPDX-License-Identifier: Apache-2.0
// The update: reduces partial gradients in order, adds the penalty, preconditions, applies schedule
// and rule, and judges convergence. The arithmetic here is shared by the CPU loop and the CUDA
// kernel.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/bank.hpp"
#include "kernels/lbfgs.hpp"
#include "kernels/partials.hpp"
#include "kernels/thread_pool.hpp"

namespace steepest::kernels {

/// What an update does with the sums of a pass.
enum class UpdateMode : std::int32_t {
  judged_step,  ///< the pass read all rows: judge the tolerances, then step unless one was met
  blind_step,   ///< the pass read a batch: step; only a non-finite value ends the run
  evaluate,     ///< the pass read all rows: record the evaluation, change no parameter
};

/// What one model's update adds up over its elements.
struct UpdateSums {
  double penalty = 0.0;
  double gradient_max = 0.0;
  double gradient_square = 0.0;  ///< carries a NaN that the maximum would lose
  double step_max = 0.0;
  double uphill = 0.0;  ///< <gradient, new velocity>

  STEEPEST_HD void add(const UpdateSums& other) {
    penalty += other.penalty;
    gradient_max = other.gradient_max > gradient_max ? other.gradient_max : gradient_max;
    gradient_square += other.gradient_square;
    step_max = other.step_max > step_max ? other.step_max : step_max;
    uphill += other.uphill;
  }
};

/// The factors all elements of a model share in one step.
struct StepFactors {
  double rate = 0.0;
  MomentumPair momentum{0.0, 1.0};
  MomentumClock clock_after;
};

/// The factors of the step a model takes next; `mean_loss` is that of the rows it has seen for it.
STEEPEST_HD inline StepFactors step_factors(const ModelPlan& plan, const ModelState& state,
                                            double mean_loss) {
  StepFactors factors;
  factors.rate = learning_rate_at(plan.schedule, state.step, state.schedule, mean_loss);
  factors.clock_after = state.clock;
  factors.momentum = momentum_of_step(plan.rule, factors.clock_after);
  return factors;
}

/// One element of the gradient: `mean_gradient` is the reduced gradient of the mean loss; the
/// penalty is added here. An intercept is not penalised, and has gradient 0 when the model has
/// none.
STEEPEST_HD inline double penalised_gradient(const ModelPlan& plan, bool is_intercept,
                                             double mean_gradient, double parameter,
                                             UpdateSums& sums) {
  if (is_intercept && !plan.has_intercept) {
    return 0.0;
  }
  double gradient = mean_gradient;
  if (!is_intercept) {
    gradient += plan.penalty.derivative(parameter);
    sums.penalty += plan.penalty.value(parameter);
  }
  const double size = std::fabs(gradient);
  sums.gradient_max = size > sums.gradient_max ? size : sums.gradient_max;
  sums.gradient_square += gradient * gradient;
  return gradient;
}

/// One element of the step: returns the parameter after it. `direction` is the gradient, or the
/// preconditioned gradient.
STEEPEST_HD inline double stepped_parameter(const ModelPlan& plan, const StepFactors& factors,
                                            double gradient, double direction, double parameter,
                                            double& velocity, UpdateSums& sums) {
  const double next =
      apply_rule(plan.rule, factors.momentum, factors.rate, direction, parameter, velocity);
  const double moved = std::fabs(next - parameter);
  sums.step_max = moved > sums.step_max ? moved : sums.step_max;
  sums.uphill += gradient * velocity;
  return next;
}

/// What a pass and the sums over its gradient say of the point they were taken at.
STEEPEST_HD inline Evaluation evaluation_of(double mean_loss, const UpdateSums& sums) {
  Evaluation now;
  now.mean_loss = mean_loss;
  now.penalty = sums.penalty;
  now.gradient_max_norm =
      is_finite(sums.gradient_square) ? sums.gradient_max : sums.gradient_square;
  now.step_max_norm = sums.step_max;
  return now;
}

/// Ends the update of one model: judges, and when the run goes on accepts the new parameters.
STEEPEST_HD inline void finish_update(const ModelPlan& plan, const StepFactors& factors,
                                      UpdateMode mode, double mean_loss, const UpdateSums& sums,
                                      ModelState& state) {
  Evaluation now = evaluation_of(mean_loss, sums);
  if (mode == UpdateMode::evaluate) {
    now.step_max_norm = state.at.step_max_norm;
    state.at = now;
    if (state.schedule.batches) {
      note_objective(plan.schedule, now.objective(), state.schedule);
    }
    return;
  }
  state.at = now;
  if (mode == UpdateMode::judged_step) {
    note_objective(plan.schedule, now.objective(), state.schedule);
    state.reason = judge(plan.tolerances, now, state.stopping);
  } else if (!is_finite(now.objective()) || !is_finite(now.gradient_max_norm)) {
    state.reason = Reason::diverged;
  }
  if (state.reason != Reason::running) {
    return;
  }
  state.learning_rate = factors.rate;
  state.schedule.gradient_squares += sums.gradient_square;
  state.schedule.batches = mode == UpdateMode::blind_step;
  state.clock = factors.clock_after;
  if (plan.rule.kind == RuleKind::accelerated && sums.uphill > 0.0) {
    state.clock.restart();
  }
  state.current = 1 - state.current;
  state.step += 1;
}

/// The parameters of a bank with all that a step changes.
struct BankState {
  BankShape shape;
  std::vector<ModelPlan> plans;
  std::vector<ModelState> states;
  std::vector<double> parameters[2];   ///< (columns, d + 1) each; ModelState::current says which
  std::vector<double> velocities;      ///< (columns, d + 1)
  std::vector<double> gradients;       ///< (columns, d + 1): of the objective, at the last update
  std::vector<double> directions;      ///< (columns, d + 1); empty without a preconditioner
  std::vector<double> preconditioner;  ///< (d + 1, d + 1) symmetric, or empty: see BankPlan
  std::vector<Lbfgs> quasi_newton;     ///< one a model, or empty where no rule is lbfgs

  /// A bank at `initial` ((columns, d + 1), or empty for zeros), with velocities 0.
  /// `objective_rounding` is the relative error that passes evaluate objectives with.
  static BankState at_start(const BankShape& shape, std::vector<ModelPlan> plans,
                            const std::vector<double>& initial, std::vector<double> preconditioner,
                            double objective_rounding = 1e-14);

  /// Ends a model's run at the point last accepted; for Reason::gap where it is, which is the point
  /// that was certified.
  void stop(std::int64_t model, Reason reason);

  [[nodiscard]] const double* parameters_of(std::int64_t model) const {
    const auto& buffer = parameters[states[static_cast<std::size_t>(model)].current];
    return buffer.data() + model * shape.elements_per_model();
  }
};

/// Updates every running model of the bank on the CPU (in mode evaluate, every model).
///
/// `rows` is the number of rows the partial sums were taken over, whose weights have mean 1.
/// Complexity: partitions * elements additions, and 2 * elements * (d + 1) flops with a
/// preconditioner. Determinism: the same bits for any number of threads.
void update(const Partials& partials, std::int64_t rows, UpdateMode mode, ThreadPool& pool,
            BankState& bank);

}  // namespace steepest::kernels
