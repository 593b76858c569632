// SPDX-License-Identifier: Apache-2.0
#include "src/train/regression_certificate.hpp"

#include <algorithm>
#include <cmath>

#include "src/train/certificate_rounding.hpp"
#include "src/train/certified_rows.hpp"
#include "src/train/composite_gap.hpp"

namespace steepest::train {
namespace {

constexpr const char* needs_penalty =
    "without a penalty (--l1 X or --l2 X) or finite bounds no bound on the distance to the optimum "
    "holds for this loss";

bool has_bound(const CertifiedPoint& point) {
  return point.l2 > 0.0 || point.l1 > 0.0 || has_finite_bounds(point);
}

// What is no number stays none, and is no bound.
double at_least_zero(double value) { return value < 0.0 ? 0.0 : value; }

// A dual point whose residuals sum to 0, and what it costs.
struct DualPoint {
  double cost = 0.0;             // mean over rows of l(z) + l*(r) - r z
  double loss = 0.0;             // the mean loss there, at most
  std::vector<double> gradient;  // (C, d): G'
  std::vector<double> errors;    // d: what it may be off by
};

// The cost, h's share of the gap, and residuals shrunk where that is infinite.
double gap_of(const CertifiedPoint& point, const DualPoint& dual) {
  const ParameterRows parameters{point.parameters, point.features + 1};
  const auto gradient = [&](std::int64_t c, std::int64_t j) {
    return dual.gradient[static_cast<std::size_t>(c * point.features + j)];
  };
  const auto weight = [&](std::int64_t c, std::int64_t j) { return parameters.coefficient(c, j); };
  const Composite h = composite_of(point);
  if (h.is_composite()) {
    const double scale = largest_dual_scale(h, point.columns, dual.errors, gradient);
    return (1.0 - scale) * dual.loss + scale * at_least_zero(dual.cost) +
           at_least_zero(fenchel_gap(h, point.columns, dual.errors, scale, weight, gradient));
  }
  double squares = 0.0;
  for (std::int64_t c = 0; c < point.columns; ++c) {
    for (std::int64_t j = 0; j < point.features; ++j) {
      const double left = point.l2 * weight(c, j) + gradient(c, j);
      squares += left * left;
    }
  }
  const double root = std::sqrt(squares) + euclidean_norm(dual.errors);
  return at_least_zero(dual.cost) + root * root / (2.0 * point.l2);
}

}  // namespace

GapBound huber_gap(const CertifiedPoint& point, double delta) {
  if (!has_bound(point)) {
    return {std::nullopt, needs_penalty};
  }
  const ParameterRows parameters{point.parameters, point.features + 1};
  const ParameterRows now{point.gradient, point.features + 1};
  const double residual = residual_size(point);
  const double off = score_error(point);
  DualPoint dual;
  dual.cost = 0.5 * off * off;
  dual.loss = largest_loss(HuberLoss{delta}, point);
  double size = 2.0 * point.mean_loss;
  for (std::int64_t c = 0; c < point.columns; ++c) {
    const double free = point.intercept ? now.intercept(c) : 0.0;
    const double theta = std::fabs(free) / (std::fabs(free) + delta);
    const double fill = std::copysign(delta, free);  // s delta
    double along = 0.0;                              // <B, m>
    for (std::int64_t j = 0; j < point.features; ++j) {
      const double mean = point.feature_mean[static_cast<std::size_t>(j)];
      along += parameters.coefficient(c, j) * mean;
      dual.gradient.push_back((1.0 - theta) * now.coefficient(c, j) - theta * fill * mean);
    }
    dual.cost += theta * (point.mean_loss + delta * delta / 2.0 + fill * along + residual * off) +
                 (1.0 - theta) * parameters.intercept(c) * free;
    size += delta * delta + delta * std::fabs(parameters.intercept(c));
  }
  dual.errors = gradient_errors(point, residual);
  for (std::size_t j = 0; j < dual.errors.size(); ++j) {
    dual.errors[j] += point.rounding * point.feature_size[j] * residual;
  }
  return {gap_of(point, dual) + point.rounding * size, ""};
}

GapBound poisson_gap(const CertifiedPoint& point) {
  if (!has_bound(point)) {
    return {std::nullopt, needs_penalty};
  }
  const ParameterRows now{point.gradient, point.features + 1};
  const ParameterRows start{point.gradient_at_zero, point.features + 1};
  DualPoint dual;
  dual.loss = largest_loss(PoissonLoss{}, point);
  double of_gradient = 0.0;  // |G' - G| where features of size 1 are off by 1, all columns
  for (std::int64_t c = 0; c < point.columns; ++c) {
    const double wanted = 1.0 - start.intercept(c);  // mean target: all predict 1 at zero
    const double found = wanted + now.intercept(c);
    const double factor = point.intercept ? wanted / found : 1.0;
    for (std::int64_t j = 0; j < point.features; ++j) {
      const auto i = static_cast<std::size_t>(j);
      double slope = now.coefficient(c, j);
      if (point.intercept) {
        const double products = point.feature_mean[i] - start.coefficient(c, j);  // mean y x
        slope = factor * (slope + products) - products;
      }
      dual.gradient.push_back(slope);
    }
    const CountRounding hidden = count_rounding(point, c, wanted, found);
    const double unlike = std::fabs(factor - 1.0);
    dual.cost += hidden.loss + found * unlike * hidden.score;
    if (point.intercept) {
      dual.cost += found - wanted + wanted * std::log(factor) +
                   point.rounding * hidden.residual * (1.0 + factor);
    }
    const double moved = std::fmax(1.0, factor) * (hidden.residual + 3.0 * unlike * (1.0 + wanted));
    of_gradient = std::hypot(of_gradient, moved);
  }
  for (const double reach : point.feature_reach) {
    dual.errors.push_back((point.row_rounding + 2.0 * point.rounding) * reach * of_gradient);
  }
  return {gap_of(point, dual) + point.rounding * (1.0 + point.mean_loss), ""};
}

}  // namespace steepest::train
