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
#include "steepest/rate_search.hpp"

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
  double gradient_max = 0.0;     ///< of the smallest subgradient
  double gradient_square = 0.0;  ///< of the smooth part; carries a NaN that the maximum would lose
  double step_max = 0.0;
  double uphill = 0.0;       ///< <gradient, new velocity>, or of like sign
  double mapping_max = 0.0;  ///< of detours: |w - proximal point stepped to from w|

  STEEPEST_HD void add(const UpdateSums& other) {
    penalty += other.penalty;
    gradient_max = other.gradient_max > gradient_max ? other.gradient_max : gradient_max;
    gradient_square += other.gradient_square;
    step_max = other.step_max > step_max ? other.step_max : step_max;
    uphill += other.uphill;
    mapping_max = other.mapping_max > mapping_max ? other.mapping_max : mapping_max;
  }
};

/// The factors all elements of a model share in one step.
struct StepFactors {
  double rate = 0.0;
  MomentumPair momentum{0.0, 1.0};
  MomentumClock clock_after;
  AdaptiveFactors adaptive;
  double averaged_weight = 0.0;  ///< of all points in the average after the step
  double share = 1.0;            ///< of the newest among them
  double clip = 1.0;             ///< of the gradient
};

/// The factors of the step a model takes next at a rate that is known; `point_weight` is that of
/// its point in an average of points.
STEEPEST_HD inline StepFactors step_factors_at(const ModelPlan& plan, const ModelState& state,
                                               double rate, double point_weight) {
  StepFactors factors;
  factors.rate = rate;
  factors.clock_after = state.clock;
  factors.momentum = momentum_of_step(plan.rule, factors.clock_after);
  if (is_adaptive(plan.rule.kind)) {
    factors.adaptive = adaptive_factors(plan.rule, factors.rate, state.rule_steps + 1);
  } else if (is_averaging(plan.rule.kind)) {
    const double weight = plan.rule.kind == RuleKind::averaged ? point_weight : rate * rate;
    factors.averaged_weight = state.averaged_weight + weight;
    factors.share = weight > 0.0 ? weight / factors.averaged_weight : 0.0;
  } else if (plan.has_detours()) {
    factors.momentum.velocity = state.clock.velocity_factor;
    if (state.returns_from_detour) {
      factors.momentum.look_ahead = 0.0;
    }
    factors.clock_after.velocity_factor = factors.momentum.look_ahead;
  }
  return factors;
}

/// As above, of a schedule that does not find its rate from the gradient; `mean_loss` is that of
/// the rows the model has seen for the step.
STEEPEST_HD inline StepFactors step_factors(const ModelPlan& plan, const ModelState& state,
                                            double mean_loss) {
  return step_factors_at(
      plan, state, learning_rate_at(plan.schedule, state.step, state.schedule, mean_loss), 1.0);
}

/// As above, of one that does and has chosen.
STEEPEST_HD inline StepFactors step_factors(const ModelPlan& plan, const ModelState& state,
                                            const RateChoice& choice) {
  StepFactors factors = step_factors_at(plan, state, choice.rate, choice.weight);
  if (plan.schedule.kind == ScheduleKind::prodigy) {
    factors.clip = choice.gradient_scale;
    factors.adaptive.epsilon *= factors.adaptive.square_scale * choice.gradient_scale;
  }
  return factors;
}

/// The rate of a step, by what was measured for it: see include/steepest/rate_search.hpp.
template <bool by_passes = true>
STEEPEST_HD inline RateChoice choose_rate(const ModelPlan& plan, const ModelState& state,
                                          double mean_loss, const RateSums& sums) {
  return choose_rate<by_passes>(plan.schedule, plan.rule, state.schedule,
                                {state.step, mean_loss, plan.objective_rounding, plan.rows_share},
                                sums);
}

/// Share of a gradient of squared 2-norm `square` that is stepped along (Pascanu et al., ICML
/// 2013).
STEEPEST_HD inline double clip_factor(const ModelPlan& plan, double square) {
  return plan.clip_norm > 0.0 && square > plan.clip_norm * plan.clip_norm
             ? plan.clip_norm / std::sqrt(square)
             : 1.0;
}

/// One element of the gradient: `mean_gradient` is the reduced gradient of the mean loss; the
/// smooth penalty is added here. An intercept is not penalised, and has gradient 0 when the model
/// has none. What the sums hold of the gradient is its smallest subgradient; that of coefficients
/// on a simplex is not known from one element and left out.
STEEPEST_HD inline double penalised_gradient(const ModelPlan& plan, bool is_intercept,
                                             double mean_gradient, double parameter,
                                             const Bound& bound, UpdateSums& sums) {
  if (is_intercept && !plan.has_intercept) {
    return 0.0;
  }
  double gradient = mean_gradient;
  if (!is_intercept) {
    gradient += plan.penalty.derivative(parameter);
    sums.penalty += plan.penalty.value(parameter);
    gradient += plan.on_simplex ? plan.penalty.l1 : 0.0;  // nothing is below 0 there
  }
  const bool is_smooth = is_intercept || !plan.is_proximal();
  const double subgradient =
      is_smooth         ? gradient
      : plan.on_simplex ? 0.0
                        : smallest_subgradient(gradient, plan.penalty.l1, parameter, bound);
  const double size = std::fabs(subgradient);
  sums.gradient_max = size > sums.gradient_max ? size : sums.gradient_max;
  sums.gradient_square += gradient * gradient;
  return gradient;
}

/// An element on its way through a step, before the proximal map.
struct ForwardPoint {
  double point = 0.0;
  double size = 0.0;  ///< the step's length in the metric of this element: scales the threshold
};

/// The first half of a step of one element. `direction` is the gradient, or the preconditioned
/// gradient; `velocity` and `second` are the rule's own numbers of the element.
STEEPEST_HD inline ForwardPoint forward_point(const ModelPlan& plan, const StepFactors& factors,
                                              bool is_intercept, double direction, double parameter,
                                              double& velocity, double& second) {
  const double clipped = factors.clip * direction;
  const double descent = factors.rate * clipped;
  const RuleKind kind = plan.rule.kind;
  if (is_adaptive(kind)) {
    const double size = adapt(factors.adaptive, clipped, velocity, second);
    const double kept = is_intercept ? parameter : factors.adaptive.shrink * parameter;
    return {kept - size * velocity, size};
  }
  if (kind == RuleKind::schedule_free) {
    return {velocity - descent, factors.rate};
  }
  // Heavy-ball momentum before the map is iPiano (Ochs et al. 2014, arXiv 1404.4805).
  const bool carries = kind == RuleKind::momentum;
  return {
      carries ? parameter + (factors.momentum.velocity * velocity - descent) : parameter - descent,
      factors.rate};
}

/// The second half: `point` is the forward point, mapped. Returns the parameter after the step.
STEEPEST_HD inline double finished_step(const ModelPlan& plan, const StepFactors& factors,
                                        double point, double parameter, double& velocity,
                                        double& second, UpdateSums& sums) {
  const RuleKind kind = plan.rule.kind;
  double next = point;
  if (kind == RuleKind::averaged) {
    second += factors.share * (point - second);
  } else if (kind == RuleKind::schedule_free) {
    velocity = point;
    second += factors.share * (point - second);
    next = (1.0 - plan.rule.momentum) * point + plan.rule.momentum * second;
  } else if (looks_ahead(kind)) {
    // As in apply_rule: w - b v is the point stepped to before.
    velocity = point - (parameter - factors.momentum.velocity * velocity);
    next = point + factors.momentum.look_ahead * velocity;
    second = point;
    const double mapped = parameter - point;
    sums.uphill += mapped * velocity;
    sums.mapping_max = std::fabs(mapped) > sums.mapping_max ? std::fabs(mapped) : sums.mapping_max;
  } else if (!is_adaptive(kind)) {
    velocity = point - parameter;
  }
  const double moved = std::fabs(next - parameter);
  sums.step_max = moved > sums.step_max ? moved : sums.step_max;
  return next;
}

/// Whether a step takes the two halves above, with a proximal map between; else it is one of
/// apply_rule's.
STEEPEST_HD inline bool steps_in_halves(const ModelPlan& plan) {
  return plan.is_proximal() || is_adaptive(plan.rule.kind) || is_averaging(plan.rule.kind);
}

/// One element of a step of a model that is not on a simplex: returns the parameter after it.
/// `direction` is the gradient, or the preconditioned gradient. `second` is the element of the
/// second array, any number where the rule has none; `bound` that of the element.
STEEPEST_HD inline double stepped_parameter(const ModelPlan& plan, const StepFactors& factors,
                                            bool is_intercept, const Bound& bound, double gradient,
                                            double direction, double parameter, double& velocity,
                                            double& second, UpdateSums& sums) {
  if (steps_in_halves(plan)) {
    const ForwardPoint forward =
        forward_point(plan, factors, is_intercept, direction, parameter, velocity, second);
    const bool maps = plan.is_proximal() && !is_intercept;
    const double point =
        maps ? proximal_point(forward.point, forward.size * plan.penalty.l1, bound) : forward.point;
    return finished_step(plan, factors, point, parameter, velocity, second, sums);
  }
  const double next = apply_rule(plan.rule, factors.momentum, factors.rate,
                                 factors.clip * direction, parameter, velocity);
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

/// Judges the point of a full-batch step. A detour is only judged for divergence; `state` notes
/// whether the next step shall return from it, because the point it would return to promises to
/// meet a tolerance.
STEEPEST_HD inline Reason judge_step(const ModelPlan& plan, const StepFactors& factors,
                                     const Evaluation& now, const UpdateSums& sums,
                                     ModelState& state) {
  constexpr std::int64_t longest_detour = 10;  // where flat or short steps are counted
  const Tolerances& all = plan.tolerances;
  state.returns_from_detour = false;
  if (!plan.has_detours() || state.reports_current) {
    return judge(all, now, state.stopping);
  }
  Tolerances none = all;
  none.gradient = none.loss = none.step = 0.0;
  StoppingState unchanged = state.stopping;
  state.returns_from_detour =
      sums.mapping_max <= all.gradient * factors.rate ||
      ((all.loss > 0.0 || all.step > 0.0) && (state.step + 1) % longest_detour == 0);
  return judge(none, now, unchanged);
}

/// Ends the update of a model whose trial was refused. What is told of it stays that of the point
/// the trial began at, which is what it reports.
STEEPEST_HD inline void finish_retreat(const RateChoice& choice, ModelState& state) {
  state.schedule = choice.after;
  state.learning_rate = choice.rate;
  if (choice.gives_up) {
    state.reason = Reason::rounding;
    return;
  }
  state.current = 1 - state.current;
  state.step += 1;
}

/// Ends the update of one model: judges, and when the run goes on accepts the new parameters.
/// `choice` is that of a schedule that finds its rate, else null.
STEEPEST_HD inline void finish_update(const ModelPlan& plan, const StepFactors& factors,
                                      UpdateMode mode, double mean_loss, const UpdateSums& sums,
                                      ModelState& state, const RateChoice* choice = nullptr) {
  Evaluation now = evaluation_of(mean_loss, sums);
  if (mode == UpdateMode::evaluate) {
    now.step_max_norm = state.at.step_max_norm;
    state.at = now;
    if (state.schedule.batches) {
      note_objective(plan.schedule, now.objective(), state.schedule);
    }
    return;
  }
  if (choice != nullptr && choice->retreats) {
    finish_retreat(*choice, state);
    return;
  }
  if (plan.has_detours() && !state.reports_current && is_finite(now.gradient_max_norm) &&
      factors.rate > 0.0) {
    now.gradient_max_norm = sums.mapping_max / factors.rate;  // no subgradient of a detour is small
  }
  state.at = now;
  if (mode == UpdateMode::judged_step) {
    note_objective(plan.schedule, now.objective(), state.schedule);
    state.reason = judge_step(plan, factors, now, sums, state);
  } else if (!is_finite(now.objective()) || !is_finite(now.gradient_max_norm)) {
    state.reason = Reason::diverged;
  }
  if (state.reason != Reason::running) {
    state.reports_current = true;
    return;
  }
  state.learning_rate = factors.rate;
  if (choice != nullptr) {
    state.schedule = choice->after;
  }
  state.schedule.gradient_squares += sums.gradient_square;
  state.schedule.batches = mode == UpdateMode::blind_step;
  state.clock = factors.clock_after;
  if (plan.rule.kind == RuleKind::accelerated && sums.uphill > 0.0) {
    state.clock.restart();
  }
  state.averaged_weight = factors.averaged_weight;
  state.reports_current = plan.has_detours()
                              ? factors.momentum.look_ahead == 0.0
                              : !is_averaging(plan.rule.kind) && !state.schedule.trying;
  state.current = 1 - state.current;
  state.rule_steps += 1;
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
  std::vector<double> preconditioner;  ///< (M, d + 1, d + 1) symmetric, or empty: see BankPlan
  std::vector<Lbfgs> quasi_newton;     ///< one a model, or empty where no rule is lbfgs
  std::vector<double> second;          ///< (columns, d + 1), or empty where no rule has one

  /// (columns, d + 1) each, or empty where no schedule remembers: see
  /// include/steepest/rate_search.hpp.
  std::vector<double> old_points;
  std::vector<double> old_gradients;

  std::vector<Bound> bounds;    ///< (d + 1), or empty: see BankPlan
  std::vector<double> simplex;  ///< d, or empty: see BankPlan

  /// A bank at `initial` ((columns, d + 1), or empty for zeros), with velocities 0, without bounds.
  /// `objective_rounding` is the relative error that passes evaluate objectives with.
  static BankState at_start(const BankShape& shape, std::vector<ModelPlan> plans,
                            const std::vector<double>& initial, std::vector<double> preconditioner,
                            double objective_rounding = 1e-14);

  /// Sets velocities and second arrays to what the rules start from at parameters[0].
  void set_first_elements();

  /// Ends a model's run at the point last accepted; for Reason::gap where it is, which is the point
  /// that was certified.
  void stop(std::int64_t model, Reason reason);

  /// The preconditioner a model takes, where there is one.
  [[nodiscard]] const double* preconditioner_of(std::int64_t model) const {
    const std::int64_t size = shape.stride() * shape.stride();
    const std::int64_t matrices = static_cast<std::int64_t>(preconditioner.size()) / size;
    return preconditioner.data() + model * matrices / shape.models * size;
  }

  [[nodiscard]] const double* parameters_of(std::int64_t model) const {
    const auto& buffer = parameters[states[static_cast<std::size_t>(model)].current];
    return buffer.data() + model * shape.elements_per_model();
  }

  /// The point that a model reports; gradients are taken at parameters_of().
  [[nodiscard]] const double* reported_of(std::int64_t model) const {
    const auto k = static_cast<std::size_t>(model);
    if (states[k].reports_current) {
      return parameters_of(model);
    }
    const auto& other = searches(plans[k].schedule.kind) ? old_points : second;
    return other.data() + model * shape.elements_per_model();
  }
};

/// The elements that a rule starts from where parameters start at `initial`: for the velocity and
/// for the second array.
STEEPEST_HD inline double first_velocity(const ModelPlan& plan, double initial) {
  return plan.rule.kind == RuleKind::schedule_free ? initial : 0.0;
}
STEEPEST_HD inline double first_second(const ModelPlan& plan, double initial) {
  const bool of_gradients =
      is_adaptive(plan.rule.kind) || plan.schedule.kind == ScheduleKind::sgd_bb;
  return of_gradients ? 0.0 : initial;
}

/// Updates every running model of the bank on the CPU (in mode evaluate, every model).
///
/// `rows` is the number of rows the partial sums were taken over, whose weights have mean 1.
/// Complexity: partitions * elements additions, and 2 * elements * (d + 1) flops with a
/// preconditioner. Determinism: the same bits for any number of threads.
void update(const Partials& partials, std::int64_t rows, UpdateMode mode, ThreadPool& pool,
            BankState& bank);

/// Whether a model stands at a trial, as one that searches for its rate does after every step.
[[nodiscard]] bool any_trial(const BankState& bank);

/// Judges the trials of a step on a batch by the sums over the same batch there: keeps the point or
/// moves it closer. Of full batches the next update does it.
void settle_trials(const Partials& partials, std::int64_t rows, ThreadPool& pool, BankState& bank);

}  // namespace steepest::kernels
