// SPDX-License-Identifier: Apache-2.0
#include "src/train/optimum.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

#include "kernels/loss_rounding.hpp"
#include "src/train/curvature.hpp"
#include "src/train/least_squares.hpp"
#include "src/train/preconditioner.hpp"
#include "src/train/run_loop.hpp"

namespace steepest::train {
namespace {

using Clock = std::chrono::steady_clock;

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

// The point of least squares, not stepped away from: a direct solution needs no judge.
std::optional<SweepOptimum> solve_by_qr(HeldData& held, const FitPlan& plan,
                                        kernels::BankPlan& bank, int threads) {
  const kernels::ModelPlan& model = bank.models.front();
  kernels::ThreadPool pool(threads);
  const HessianRows rows{*held.data, held.weights,  held.scaling,
                         held.rows,  held.features, plan.columns};
  const LeastSquares solved =
      solve_least_squares(*held.backend, rows, model.penalty.l2, model.has_intercept, pool);
  bank.initial = solved.parameters;
  held.backend->start(bank);
  held.backend->evaluate();
  const Evaluation at = held.backend->state(0).at;
  if (!is_finite(at.objective()) || !is_finite(at.gradient_max_norm)) {
    bank.initial.clear();
    return std::nullopt;
  }
  SweepOptimum optimum;
  optimum.objective = solved.objective * held.scaling.loss_unit();
  optimum.gradient_max_norm = at.gradient_max_norm * held.scaling.gradient_unit();
  optimum.converged = true;
  const std::int64_t all = held.features + (model.has_intercept ? 1 : 0);
  optimum.method = fmt::format(
      "QR of all rows in double, because their second moments are ill-conditioned; rank {} of {}, "
      "gradient_max_norm {:.3g}",
      solved.rank, all, optimum.gradient_max_norm);
  return optimum;
}

// What is told of the backend's point, however it was found.
void finish(HeldData& held, const kernels::BankPlan& bank, Validation* validation,
            Clock::time_point start, SweepOptimum& optimum) {
  optimum.validation_loss = validation == nullptr
                                ? std::numeric_limits<double>::quiet_NaN()
                                : validation->mean_losses(*held.backend, bank).front();
  optimum.resolution = std::fabs(optimum.objective) * kernels::loss_rounding(held.precision);
  optimum.seconds = std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

SweepOptimum find_optimum(HeldData& held, const FitPlan& plan, const ProximalPart& proximal,
                          bool intercept, double curvature, int threads, Validation* validation,
                          const std::function<bool()>& proceed) {
  constexpr int most_halvings = 20;
  const auto start = Clock::now();
  const HessianBound bound{held.features, intercept, steepest::curvature(plan.loss), plan.l2};
  std::optional<Preconditioner> metric;
  bool ill_conditioned = false;
  const std::optional<std::int64_t> sample = preconditioner_sample(held.rows, held.features);
  if (sample && !plan.proximal) {
    const std::vector<double> moment = held.backend->second_moment(*sample);
    const bool exact = *sample >= held.rows;
    metric = make_preconditioner(moment, exact, held.precision, bound);
    ill_conditioned = exact && std::holds_alternative<SquaredLoss>(plan.loss) &&
                      moment_condition(moment, bound) > moments_lose_digits;
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
  bank.models = {model};
  if (ill_conditioned) {
    if (std::optional<SweepOptimum> solved = solve_by_qr(held, plan, bank, threads)) {
      finish(held, bank, validation, start, *solved);
      return *solved;
    }
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
  SweepOptimum optimum;
  optimum.objective = outcome.at.objective();
  optimum.gradient_max_norm = outcome.at.gradient_max_norm;
  optimum.converged = outcome.termination.converged();
  optimum.method =
      sentence(outcome, model.rule, metric.has_value(), classifies(plan.loss) && plan.l2 == 0.0);
  finish(held, bank, validation, start, optimum);
  return optimum;
}

}  // namespace steepest::train
