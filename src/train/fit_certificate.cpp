// SPDX-License-Identifier: Apache-2.0
#include "src/train/fit_certificate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/loss_rounding.hpp"
#include "src/train/certificate_rounding.hpp"
#include "src/train/newton_certificate.hpp"
#include "src/train/regression_certificate.hpp"

namespace steepest::train {
namespace {

// Of squared loss, where its second moments are at hand.
std::optional<InverseHessian> inverse_hessian(FitState& fit) {
  const bool affordable = fit.result.normal_equations || fit.plan.rule.kind == RuleKind::newton;
  if (affordable && !fit.hessian) {
    fit.hessian = make_preconditioner(*fit.backend, fit.rows, fit.hessian_bound());
  }
  if (!fit.hessian || !fit.hessian->exact_bound) {
    return std::nullopt;
  }
  return InverseHessian{&fit.hessian->matrix, fit.hessian->ridge};
}

GapBound loss_gap(FitState& fit, const CertifiedPoint& point, const EvaluateAt& evaluate) {
  if (classifies(fit.plan.loss)) {
    return classifier_gap(point, evaluate);
  }
  if (const auto* const huber = std::get_if<HuberLoss>(&fit.plan.loss)) {
    return huber_gap(point, huber->delta);
  }
  if (std::holds_alternative<PoissonLoss>(fit.plan.loss)) {
    return poisson_gap(point);
  }
  if (std::holds_alternative<QuantileLoss>(fit.plan.loss)) {
    if (fit.plan.proximal) {
      return {std::nullopt, fmt::format("no bound is known for loss {} with --l1 or --constraint",
                                        to_string(fit.given.loss))};
    }
    return {std::nullopt,
            "steps along subgradients prove nothing of a quantile's optimum: leave --rule, "
            "--schedule, --learning-rate and --batch-size to auto"};
  }
  return squared_gap(point, inverse_hessian(fit));
}

}  // namespace

CertifiedPoint describe_point(const FitState& fit) {
  constexpr double float_unit = 0x1p-24;
  constexpr double double_unit = 0x1p-53;
  constexpr double roundings_of_bytes = 3.0;  // standardized in float: see standardized_byte
  CertifiedPoint point;
  point.columns = fit.plan.columns;
  point.features = fit.features;
  point.intercept = fit.options.intercept;
  point.l2 = fit.plan.l2;
  point.bounds = fit.set.bounds;
  point.simplex = fit.set.simplex;
  point.gradient_at_zero = fit.gradient_at_zero;
  point.feature_reach = fit.feature_reach;
  for (std::size_t j = 0; j < fit.feature_mean.size(); ++j) {
    const double scale = fit.scaling.feature_scale[j];
    const double mean = (fit.feature_mean[j] - fit.scaling.feature_mean[j]) / scale;
    point.feature_mean.push_back(mean);
    point.feature_size.push_back(std::hypot(mean, fit.feature_deviation[j] / scale));
  }
  if (fit.options.standardize) {  // others are held to the bit
    point.row_rounding = (fit.bytes ? roundings_of_bytes : 1.0) * float_unit;
  }
  constexpr double lanes = 8.0;  // of a sum at least, and a few roundings more
  const double sums = 4.0 + static_cast<double>(point.features) / lanes;
  point.score_rounding =
      sums * (fit.result.precision == Precision::fp64 ? double_unit : float_unit);
  point.rounding = kernels::loss_rounding(fit.result.precision);
  return point;
}

GapBound certify(FitState& fit, bool thorough) {
  if (fit.backend->storage() == Storage::bfloat16) {
    return {std::nullopt, "the means of features rounded to bfloat16 are not known"};
  }
  CertifiedPoint point = describe_point(fit);
  point.l1 = fit.bank.models.front().penalty.l1;
  const EvaluateAt evaluate = [&fit](const std::vector<double>& parameters) {
    return fit.backend->evaluate_at(parameters);
  };
  point.parameters = fit.backend->parameters(0);
  kernels::LossAndGradient found = evaluate(point.parameters);
  point.mean_loss = found.mean_loss;
  point.gradient = std::move(found.gradient);
  point.penalty = fit.backend->state(0).at.penalty;
  if (!is_finite(point.mean_loss + point.penalty) ||
      !std::all_of(point.gradient.begin(), point.gradient.end(), is_finite)) {
    return {std::nullopt, "the objective is not finite"};
  }
  GapBound bound = loss_gap(fit, point, thorough ? evaluate : EvaluateAt());
  if (bound.value && !is_finite(*bound.value)) {
    return {std::nullopt, "the bound is too large for a number"};
  }
  if (bound.value) {  // no loss and no penalty is below 0, either
    *bound.value = std::min(*bound.value, point.penalty + largest_loss(fit.plan.loss, point)) *
                   fit.scaling.loss_unit();
  }
  return bound;
}

void sharpen_bound(FitState& fit, RunOutcome& outcome) {
  constexpr double affordable_multiply_adds = 2e9;  // about a second
  const Reason reason = outcome.termination.reason;
  const bool is_bent = std::holds_alternative<HuberLoss>(fit.plan.loss) ||
                       std::holds_alternative<PoissonLoss>(fit.plan.loss);
  const auto width = static_cast<double>(fit.features + 1);
  if (!is_bent || fit.plan.proximal || !fit.hessian || reason == Reason::diverged ||
      reason == Reason::interrupted || reason == Reason::seconds ||
      fit.backend->storage() == Storage::bfloat16 ||
      static_cast<double>(fit.rows * fit.plan.columns) * width * width > affordable_multiply_adds) {
    return;
  }
  CertifiedPoint point = describe_point(fit);
  point.parameters = fit.backend->parameters(0);
  point.penalty = fit.backend->state(0).at.penalty;
  kernels::BankPlan bank = fit.bank;
  bank.initial = point.parameters;
  fit.backend->start(bank);
  kernels::LossAndGradient found = fit.backend->evaluate_at(point.parameters);
  point.mean_loss = found.mean_loss;
  point.gradient = std::move(found.gradient);
  if (point.gradient_at_zero.empty()) {
    const std::vector<double> zeros(point.parameters.size(), 0.0);
    point.gradient_at_zero = fit.backend->evaluate_at(zeros).gradient;
  }
  const HessianRows rows{*fit.data, fit.weights,  fit.scaling,
                         fit.rows,  fit.features, fit.plan.columns};
  kernels::ThreadPool pool(fit.options.threads);
  GapBound bound = newton_gap(*fit.backend, {point, rows}, fit.plan.loss, pool);
  if (bound.value && is_finite(*bound.value)) {
    *bound.value = std::min(*bound.value, point.penalty + largest_loss(fit.plan.loss, point)) *
                   fit.scaling.loss_unit();
    if (!outcome.gap.value || *bound.value < *outcome.gap.value) {
      outcome.gap = bound;
    }
  } else if (!outcome.gap.value && !bound.value) {
    outcome.gap.why_not = bound.why_not;
  }
}

}  // namespace steepest::train
