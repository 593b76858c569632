// SPDX-License-Identifier: Apache-2.0
#include "src/train/fit_certificate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/loss_rounding.hpp"
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
  if (fit.plan.proximal && !std::holds_alternative<SquaredLoss>(fit.plan.loss)) {
    return {std::nullopt, fmt::format("no bound is known for loss {} with --l1 or --constraint",
                                      to_string(fit.given.loss))};
  }
  if (const auto* const huber = std::get_if<HuberLoss>(&fit.plan.loss)) {
    return huber_gap(point, huber->delta);
  }
  if (std::holds_alternative<PoissonLoss>(fit.plan.loss)) {
    return poisson_gap(point);
  }
  if (std::holds_alternative<QuantileLoss>(fit.plan.loss)) {
    return {std::nullopt,
            "steps along subgradients prove nothing of a quantile's optimum: leave --rule, "
            "--schedule, --learning-rate and --batch-size to auto"};
  }
  return squared_gap(point, inverse_hessian(fit));
}

// Features as trained, and what rounding does to them and to scores.
void describe_features(const FitState& fit, CertifiedPoint& point) {
  constexpr double float_unit = 0x1p-24;
  constexpr double double_unit = 0x1p-53;
  constexpr double roundings_of_bytes = 3.0;  // standardized in float: see standardized_byte
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
}

}  // namespace

GapBound certify(FitState& fit, bool thorough) {
  if (fit.backend->storage() == Storage::bfloat16) {
    return {std::nullopt, "the means of features rounded to bfloat16 are not known"};
  }
  CertifiedPoint point;
  point.columns = fit.plan.columns;
  point.features = fit.features;
  point.intercept = fit.options.intercept;
  point.l2 = fit.plan.l2;
  point.l1 = fit.bank.models.front().penalty.l1;
  point.bounds = fit.set.bounds;
  point.simplex = fit.set.simplex;
  const EvaluateAt evaluate = [&fit](const std::vector<double>& parameters) {
    return fit.backend->evaluate_at(parameters);
  };
  point.parameters = fit.backend->parameters(0);
  kernels::LossAndGradient found = evaluate(point.parameters);
  point.mean_loss = found.mean_loss;
  point.gradient = std::move(found.gradient);
  point.gradient_at_zero = fit.gradient_at_zero;
  describe_features(fit, point);
  point.rounding = kernels::loss_rounding(fit.result.precision);
  const double objective = point.mean_loss + fit.backend->state(0).at.penalty;
  if (!is_finite(objective) ||
      !std::all_of(point.gradient.begin(), point.gradient.end(), is_finite)) {
    return {std::nullopt, "the objective is not finite"};
  }
  GapBound bound = loss_gap(fit, point, thorough ? evaluate : EvaluateAt());
  if (bound.value && !is_finite(*bound.value)) {
    return {std::nullopt, "the bound is too large for a number"};
  }
  if (bound.value) {  // no loss and no penalty is below 0, either
    *bound.value = std::min(*bound.value, objective) * fit.scaling.loss_unit();
  }
  return bound;
}

void bound_without_penalty(FitState& fit, RunOutcome& outcome) {
  const auto* const huber = std::get_if<HuberLoss>(&fit.plan.loss);
  const Reason reason = outcome.termination.reason;
  if (huber == nullptr || fit.plan.proximal || outcome.gap.value || !fit.hessian ||
      reason == Reason::diverged || reason == Reason::interrupted || reason == Reason::seconds ||
      fit.backend->storage() == Storage::bfloat16) {
    return;
  }
  HuberPoint point{fit.bank,     fit.rows,           fit.features, fit.options.intercept,
                   huber->delta, fit.hessian->matrix};
  point.bank.initial = fit.backend->parameters(0);
  outcome.gap = unpenalised_huber_gap(*fit.backend, point);
  if (!is_finite(*outcome.gap.value)) {
    outcome.gap = {std::nullopt, "the bound is too large for a number"};
    return;
  }
  *outcome.gap.value =
      std::min(*outcome.gap.value * fit.scaling.loss_unit(), outcome.at.objective());
}

}  // namespace steepest::train
