// SPDX-License-Identifier: Apache-2.0
#include "src/train/optimum.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

#include "src/train/curvature.hpp"
#include "src/train/preconditioner.hpp"
#include "src/train/run_loop.hpp"

namespace steepest::train {
namespace {

Tolerances tightest(Precision precision) {
  constexpr std::int64_t patience = 20;
  const bool exact = precision == Precision::fp64;
  Tolerances tolerances;
  tolerances.gradient = exact ? 1e-12 : 1e-6;
  tolerances.loss = exact ? 1e-16 : 1e-9;
  tolerances.patience = patience;
  return tolerances;
}

std::string sentence(const RunOutcome& outcome, const UpdateRule& rule, bool preconditioned,
                     bool lacks_penalty) {
  std::string text = fmt::format(
      "{} on all rows{}, {} steps, {}: {}",
      rule.kind == RuleKind::lbfgs ? "limited-memory BFGS" : "accelerated gradient descent",
      preconditioned ? " in the metric of the Hessian's bound" : "", outcome.state.step,
      outcome.termination.converged() ? "converged" : "stopped, not converged",
      outcome.termination.inequality);
  if (!outcome.termination.converged()) {
    text +=
        lacks_penalty
            ? "; the optimum may be lower, or not attained: without an l2 penalty it need not be"
            : "; the optimum may be lower";
  }
  return text;
}

}  // namespace

SweepOptimum find_optimum(HeldData& held, const FitPlan& plan, const ProximalPart& proximal,
                          bool intercept, double curvature, Validation* validation,
                          const std::function<bool()>& proceed) {
  constexpr int most_halvings = 20;
  const auto start = std::chrono::steady_clock::now();
  const HessianBound bound{held.features, intercept, steepest::curvature(plan.loss), plan.l2};
  std::optional<Preconditioner> metric;
  if (!plan.proximal) {
    metric = make_preconditioner(*held.backend, held.rows, bound);
  }
  double sharpest = curvature;
  if (metric) {
    sharpest = metric->exact_bound ? 1.0 : largest_eigenvalue(*held.backend, bound, metric->matrix);
  }
  kernels::ModelPlan model;
  model.rule = plan.rule;
  const bool metric_is_hessian =
      metric && metric->exact_bound && std::holds_alternative<SquaredLoss>(plan.loss);
  if (held.device.kind == DeviceKind::cpu && !metric_is_hessian && !plan.proximal) {
    model.rule.kind = RuleKind::lbfgs;
  }
  model.penalty.l2 = plan.l2;
  model.penalty.l1 = proximal.l1;
  model.has_intercept = intercept;
  model.tolerances = tightest(held.precision);
  if (plan.proximal) {  // whose objective is looked at off its path: see judge_step()
    constexpr double smallest_subgradient = 1e-10;
    model.tolerances.loss = 0.0;
    model.tolerances.gradient = std::max(model.tolerances.gradient, smallest_subgradient);
  }
  kernels::BankPlan bank;
  bank.loss = plan.loss;
  bank.outputs = plan.columns;
  bank.batch_size = plan.batch_size;
  bank.most_steps = plan.epochs;
  if (metric) {
    bank.preconditioner = metric->matrix;
  }
  RunOutcome outcome;
  for (int halvings = 0; halvings <= most_halvings; ++halvings) {
    model.schedule = plan.schedule;
    model.schedule.learning_rate = std::ldexp(1.0 / sharpest, -halvings);
    bank.models = {model};
    keep_to(*proximal.set, held.features, bank);
    held.backend->start(bank);
    RunLimits limits;
    limits.epochs = plan.epochs;
    outcome = run_to_end(*held.backend, model, plan, held.scaling, limits,
                         [&](const FitProgress& /*now*/) { return proceed(); });
    if (outcome.termination.reason != Reason::diverged) {
      break;
    }
  }
  constexpr double double_rounding = 0x1p-50;
  constexpr double float_rounding = 0x1p-22;
  SweepOptimum optimum;
  optimum.objective = outcome.at.objective();
  optimum.gradient_max_norm = outcome.at.gradient_max_norm;
  optimum.validation_loss = validation == nullptr
                                ? std::numeric_limits<double>::quiet_NaN()
                                : validation->mean_losses(*held.backend, bank).front();
  optimum.converged = outcome.termination.converged();
  optimum.method =
      sentence(outcome, model.rule, metric.has_value(), classifies(plan.loss) && plan.l2 == 0.0);
  optimum.resolution = std::fabs(optimum.objective) *
                       (held.precision == Precision::fp64 ? double_rounding : float_rounding);
  optimum.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return optimum;
}

}  // namespace steepest::train
