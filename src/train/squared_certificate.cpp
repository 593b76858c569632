// SPDX-License-Identifier: Apache-2.0
// The bound of squared loss, of which more is known than of others: see certificate.hpp.
#include <algorithm>
#include <cmath>

#include "src/train/certificate.hpp"
#include "src/train/certificate_rounding.hpp"
#include "src/train/certified_rows.hpp"
#include "src/train/composite_gap.hpp"

namespace steepest::train {
namespace {

// The smallest eigenvalue of a Hessian, at least; not above 0 where it is singular to rounding.
double smallest_eigenvalue(const InverseHessian& inverse, std::int64_t stride) {
  const std::vector<double>& matrix = *inverse.matrix;
  double norm = 0.0;  // of the inverse: its largest eigenvalue at least
  for (std::int64_t i = 0; i < stride; ++i) {
    double sum = 0.0;
    for (std::int64_t j = 0; j < stride; ++j) {
      sum += std::fabs(matrix[static_cast<std::size_t>(i * stride + j)]);
    }
    norm = std::max(norm, sum);
  }
  return 1.0 / norm - inverse.ridge;
}

// The square of the smallest subgradient's 2-norm; bounds or l1, no simplex.
double subgradient_square(const CertifiedPoint& point) {
  const std::int64_t stride = point.features + 1;
  double square = 0.0;
  for (std::int64_t e = 0; e < point.columns * stride; ++e) {
    const auto i = static_cast<std::size_t>(e);
    const auto j = static_cast<std::size_t>(e % stride);
    const bool is_intercept = e % stride == point.features;
    double left = is_intercept && !point.intercept ? 0.0 : point.gradient[i];
    if (!is_intercept) {
      left =
          smallest_subgradient(left + point.l2 * point.parameters[i], point.l1, point.parameters[i],
                               point.bounds.empty() ? Bound{} : point.bounds[j]);
    }
    square += left * left;
  }
  return square;
}

GapBound composite_squared_gap(const CertifiedPoint& point,
                               const std::optional<InverseHessian>& inverse) {
  const std::int64_t stride = point.features + 1;
  const ParameterRows now{point.gradient, stride};
  const ParameterRows parameters{point.parameters, stride};
  const auto free = [&](std::int64_t c) { return point.intercept ? now.intercept(c) : 0.0; };
  const auto gradient = [&](std::int64_t c, std::int64_t j) {
    return now.coefficient(c, j) - free(c) * point.feature_mean[static_cast<std::size_t>(j)];
  };
  const auto weight = [&](std::int64_t c, std::int64_t j) { return parameters.coefficient(c, j); };
  const std::vector<double> errors = gradient_errors(point, residual_size(point));
  const double hidden = score_error(point);
  const Composite h = composite_of(point);
  GapBound bound{std::nullopt,
                 "a bound needs a penalty (--l1 X or --l2 X), finite bounds, or the second moments "
                 "of features that are not collinear"};
  if (point.l1 > 0.0 || point.l2 > 0.0 || has_finite_bounds(point)) {
    double squares = 0.0;
    for (std::int64_t c = 0; c < point.columns; ++c) {
      squares += free(c) * free(c);
    }
    const double scale = largest_dual_scale(h, point.columns, errors, gradient);
    const double rest = 1.0 - scale;
    const double of_residuals =  // and of scores that are off
        std::sqrt(squares + rest * rest * std::max(0.0, 2.0 * point.mean_loss - squares)) + hidden;
    bound = {0.5 * of_residuals * of_residuals +
                 std::max(0.0, fenchel_gap(h, point.columns, errors, scale, weight, gradient)) +
                 point.rounding * point.mean_loss,
             ""};
  }
  if (inverse && point.simplex.empty()) {
    const double smallest = smallest_eigenvalue(*inverse, stride);
    const double root =
        (std::sqrt(subgradient_square(point)) + euclidean_norm(errors)) / std::sqrt(smallest) +
        hidden;
    if (smallest > inverse->ridge && (!bound.value || root * root / 2.0 < *bound.value)) {
      bound = {root * root / 2.0, ""};
    }
  }
  return bound;
}

// What a gap of squared loss is at most beside what rounding hides of scores and gradients, which
// the Hessian's inverse, of elements `inverse(i, j)`, turns into a step. The roots of the gaps add
// up at most.
template <class Inverse>
double beside_rounding(double gap, const CertifiedPoint& point, Inverse inverse) {
  const std::int64_t stride = point.features + 1;
  const double residual = residual_size(point);
  std::vector<double> moved = gradient_errors(point, residual);
  moved.push_back(point.intercept ? point.rounding * residual : 0.0);
  double of_gradients = 0.0;
  for (std::int64_t i = 0; i < stride; ++i) {
    for (std::int64_t j = 0; j < stride; ++j) {
      of_gradients += 0.5 * std::fabs(inverse(i, j)) * moved[static_cast<std::size_t>(i)] *
                      moved[static_cast<std::size_t>(j)];
    }
  }
  const double root =
      std::sqrt(gap) + score_error(point) / std::sqrt(2.0) + std::sqrt(of_gradients);
  return root * root;
}

}  // namespace

GapBound squared_gap(const CertifiedPoint& point, const std::optional<InverseHessian>& inverse) {
  if (composite_of(point).is_composite()) {
    return composite_squared_gap(point, inverse);
  }
  const std::int64_t stride = point.features + 1;
  if (inverse) {
    const std::vector<double>& matrix = *inverse->matrix;
    const double smallest = smallest_eigenvalue(*inverse, stride);
    if (smallest > inverse->ridge) {
      double product = 0.0;
      for (std::int64_t c = 0; c < point.columns; ++c) {
        std::vector<double> g(static_cast<std::size_t>(stride));
        for (std::int64_t j = 0; j < stride; ++j) {
          const auto e = static_cast<std::size_t>(c * stride + j);
          const bool is_intercept = j == point.features;
          g[static_cast<std::size_t>(j)] =
              is_intercept && !point.intercept
                  ? 0.0
                  : point.gradient[e] + (is_intercept ? 0.0 : point.l2 * point.parameters[e]);
        }
        for (std::int64_t i = 0; i < stride; ++i) {
          for (std::int64_t j = 0; j < stride; ++j) {
            product += g[static_cast<std::size_t>(i)] * g[static_cast<std::size_t>(j)] *
                       matrix[static_cast<std::size_t>(i * stride + j)];
          }
        }
      }
      const double gap = std::max(0.0, product / 2.0 * (1.0 + inverse->ridge / smallest));
      return {beside_rounding(gap, point,
                              [&](std::int64_t i, std::int64_t j) {
                                return matrix[static_cast<std::size_t>(i * stride + j)];
                              }),
              ""};
    }
  }
  if (!(point.l2 > 0.0)) {
    return {std::nullopt, inverse ? "the features are collinear to rounding: --l2 X gives a bound"
                                  : "a bound needs a penalty (--l2 X), or the second moments of at "
                                    "most 2,000 features (--preconditioner second-moment)"};
  }
  const ParameterRows gradient{point.gradient, stride};
  const ParameterRows parameters{point.parameters, stride};
  double bound = 0.0;
  for (std::int64_t c = 0; c < point.columns; ++c) {
    const double free = point.intercept ? gradient.intercept(c) : 0.0;
    bound += free * free / 2.0;
    for (std::int64_t j = 0; j < point.features; ++j) {
      const double left = gradient.coefficient(c, j) + point.l2 * parameters.coefficient(c, j) -
                          free * point.feature_mean[static_cast<std::size_t>(j)];
      bound += left * left / (2.0 * point.l2);
    }
  }
  return {beside_rounding(bound, point,
                          [&](std::int64_t i, std::int64_t j) {
                            return i != j ? 0.0 : i == point.features ? 1.0 : 1.0 / point.l2;
                          }),
          ""};
}

}  // namespace steepest::train
