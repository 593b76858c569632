// SPDX-License-Identifier: Apache-2.0
#include "src/train/fit_rate.hpp"

#include <algorithm>

#include "src/train/curvature.hpp"

namespace steepest::train {

double curvature_bound(FitState& fit) {
  const HessianBound bound = fit.hessian_bound();
  if (fit.plan.preconditioned) {
    fit.hessian = make_preconditioner(*fit.backend, fit.rows, bound);
    if (fit.hessian) {
      fit.preconditioner = fit.hessian->matrix;
      fit.result.preconditioned = true;
      if (fit.hessian->exact_bound) {
        choose_rule(fit, std::holds_alternative<SquaredLoss>(fit.plan.loss));
        return 1.0;
      }
    }
  }
  choose_rule(fit, false);
  const double full = largest_eigenvalue(*fit.backend, bound, fit.preconditioner);
  return batch_curvature(full, bound.loss_curvature * fit.row_curvature + fit.plan.l2, fit.rows,
                         fit.plan.batch_size);
}

void choose_rule(FitState& fit, bool metric_is_hessian) {
  constexpr std::int64_t most_bytes = std::int64_t{1} << 30;
  constexpr std::int64_t fewest_pairs = 3;
  const std::int64_t pair_bytes =
      2 * fit.plan.columns * (fit.features + 1) * static_cast<std::int64_t>(sizeof(double));
  const std::int64_t pairs = std::min(fit.plan.rule.pairs, most_bytes / pair_bytes);
  if (fit.plan.may_choose_rule && !metric_is_hessian && pairs >= fewest_pairs &&
      fit.result.device.kind == DeviceKind::cpu) {
    fit.plan.rule.kind = RuleKind::lbfgs;
    fit.plan.rule.pairs = pairs;
  }
}

double automatic_rate(const FitState& fit) {
  constexpr double adagrad_rate = 0.5;
  constexpr double adaptive_rate = 0.05;
  if (rate_is_factor(fit.plan.schedule.kind)) {
    return 1.0;
  }
  const double safe = 1.0 / fit.result.largest_curvature;
  switch (fit.plan.rule.kind) {
    case RuleKind::newton:
      return 1.0;
    case RuleKind::adagrad:
      return adagrad_rate;
    case RuleKind::rmsprop:
    case RuleKind::adam:
    case RuleKind::adamw:
      return adaptive_rate;
    case RuleKind::momentum:
      // iPiano's bound is 2 (1 - M) / L.
      return fit.plan.full_batch && !fit.plan.proximal ? safe
                                                       : (1.0 - fit.plan.rule.momentum) * safe;
    case RuleKind::nesterov:
      return fit.plan.full_batch ? safe : (1.0 - fit.plan.rule.momentum) * safe;
    default:
      return safe;
  }
}

}  // namespace steepest::train
