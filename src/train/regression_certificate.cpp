// SPDX-License-Identifier: Apache-2.0
#include "src/train/regression_certificate.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/loss_rounding.hpp"

namespace steepest::train {
namespace {

constexpr const char* needs_penalty =
    "without a penalty (--l2 0) no bound on the distance to the optimum holds for this loss";

// max |x_i c| over rows and columns.
double largest_score(kernels::Backend& backend, const HuberPoint& point,
                     const std::vector<double>& correction) {
  constexpr std::int64_t block_rows = 4096;
  kernels::BankPlan bank = point.bank;
  bank.initial = correction;
  const std::int64_t columns = bank.outputs;
  backend.start(std::move(bank));
  std::vector<double> scores(static_cast<std::size_t>(block_rows * columns));
  double largest = 0.0;
  for (std::int64_t first = 0; first < point.rows; first += block_rows) {
    const std::int64_t count = std::min(block_rows, point.rows - first);
    backend.scores(0, first, count, scores.data());
    for (std::int64_t i = 0; i < count * columns; ++i) {
      largest = std::max(largest, std::fabs(scores[static_cast<std::size_t>(i)]));
    }
  }
  return largest;
}

}  // namespace

GapBound huber_gap(const CertifiedPoint& point, double delta) {
  if (!(point.l2 > 0.0)) {
    return {std::nullopt, needs_penalty};
  }
  const auto stride = static_cast<std::size_t>(point.features + 1);
  double bound = 0.0;
  for (std::size_t c = 0; c < static_cast<std::size_t>(point.columns); ++c) {
    const double* const weights = point.parameters.data() + c * stride;
    const double* const gradient = point.gradient.data() + c * stride;
    const double free = point.intercept ? gradient[stride - 1] : 0.0;
    const double theta = std::fabs(free) / (std::fabs(free) + delta);
    const double fill = std::copysign(delta, free);  // s delta
    double along = 0.0;                              // <B, m>
    double squares = 0.0;
    for (std::size_t j = 0; j + 1 < stride; ++j) {
      const double mean = point.feature_mean[j];
      const double left = point.l2 * weights[j] + (1.0 - theta) * gradient[j] - theta * fill * mean;
      along += weights[j] * mean;
      squares += left * left;
    }
    bound += theta * (point.mean_loss + delta * delta / 2.0 + fill * along) +
             (1.0 - theta) * weights[stride - 1] * free + squares / (2.0 * point.l2);
  }
  double size = point.mean_loss;
  for (std::size_t c = 0; c < static_cast<std::size_t>(point.columns); ++c) {
    size += delta * std::fabs(point.parameters[(c + 1) * stride - 1]);
  }
  return {std::fmax(0.0, bound) + point.rounding * size, ""};
}

GapBound unpenalised_huber_gap(kernels::Backend& backend, const HuberPoint& point) {
  constexpr double rounding_of_scores = 1e-5;
  const auto stride = static_cast<std::size_t>(point.features + 1);
  const std::vector<double>& parameters = point.bank.initial;
  backend.start(point.bank);
  const kernels::LossAndGradient here = backend.evaluate_at(parameters);
  kernels::BankPlan squares = point.bank;
  squares.loss = SquaredLoss{};
  squares.allow_normal_equations = false;
  backend.start(squares);
  const std::vector<double> slopes =
      backend.evaluate_at(std::vector<double>(parameters.size(), 0.0)).gradient;
  double within = here.mean_loss;  // of the dual point before it is shrunk
  double left_over = 0.0;
  std::vector<double> correction(parameters.size());
  for (std::size_t first = 0; first < parameters.size(); first += stride) {
    std::vector<double> wanted(here.gradient.begin() + static_cast<std::ptrdiff_t>(first),
                               here.gradient.begin() + static_cast<std::ptrdiff_t>(first + stride));
    if (!point.intercept) {
      wanted.back() = 0.0;
    }
    const std::vector<double> gradient = wanted;
    std::vector<double> c(stride, 0.0);
    std::vector<double> product(stride, 0.0);
    for (int refinement = 0; refinement < 2; ++refinement) {
      for (std::size_t i = 0; i < stride; ++i) {
        for (std::size_t j = 0; j < stride; ++j) {
          c[i] += point.inverse_moment[i * stride + j] * (gradient[j] - product[j]);
        }
      }
      backend.second_moment_product(point.intercept, c.data(), product.data());
    }
    for (std::size_t j = 0; j < stride; ++j) {
      const double at = parameters[first + j];
      within += c[j] * (gradient[j] - slopes[first + j] - product[j] / 2.0) - at * gradient[j];
      left_over += std::fabs(at * (gradient[j] - product[j]));
      correction[first + j] = c[j];
    }
  }
  const double reach = (1.0 + rounding_of_scores) * largest_score(backend, point, correction);
  const double share = point.delta / (point.delta + reach);
  backend.start(point.bank);
  const double rounding = kernels::loss_rounding(backend.precision());
  const double bound = here.mean_loss - share * within;
  return {std::fmax(0.0, bound) + left_over + rounding * here.mean_loss, ""};
}

GapBound poisson_gap(const CertifiedPoint& point) {
  if (!(point.l2 > 0.0)) {
    return {std::nullopt, needs_penalty};
  }
  const auto stride = static_cast<std::size_t>(point.features + 1);
  double bound = 0.0;
  for (std::size_t c = 0; c < static_cast<std::size_t>(point.columns); ++c) {
    const double* const weights = point.parameters.data() + c * stride;
    const double* const gradient = point.gradient.data() + c * stride;
    double factor = 1.0;
    const double* start = nullptr;
    if (point.intercept) {
      start = point.gradient_at_zero.data() + c * stride;
      const double wanted = 1.0 - start[stride - 1];  // mean target: all predict 1 at zero
      const double found = wanted + gradient[stride - 1];
      factor = wanted / found;
      bound += found - wanted + wanted * std::log(factor);
    }
    for (std::size_t j = 0; j + 1 < stride; ++j) {
      double slope = gradient[j];
      if (point.intercept) {
        const double products = point.feature_mean[j] - start[j];  // mean of target times feature
        slope = factor * (gradient[j] + products) - products;
      }
      const double left = point.l2 * weights[j] + slope;
      bound += left * left / (2.0 * point.l2);
    }
  }
  return {std::fmax(0.0, bound) + point.rounding * (1.0 + point.mean_loss), ""};
}

}  // namespace steepest::train
