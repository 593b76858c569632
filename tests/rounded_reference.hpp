// SPDX-License-Identifier: Apache-2.0
// The sums of a pass whose products round what they multiply, written plainly in double, and how
// far they may lie from those of exact products.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/backend.hpp"
#include "steepest/precision.hpp"
#include "tests/problems.hpp"

namespace steepest::tests {

/// A float rounded to the digits of a precision: 11 with ties away from 0, 8 with ties to even, or
/// 24.
inline double rounded_to(Precision precision, double value) {
  const int digits = precision == Precision::tf32 ? 11 : precision == Precision::bf16 ? 8 : 24;
  int exponent = 0;
  const double scaled = std::ldexp(std::frexp(static_cast<float>(value), &exponent), digits);
  const double whole = precision == Precision::tf32 ? std::round(scaled) : std::nearbyint(scaled);
  return std::ldexp(whole, exponent - digits);
}

/// Sums over rows, divided by their number.
struct ReferenceSums {
  double loss = 0.0;
  std::vector<double> gradient;  ///< (outputs, d + 1)
  std::vector<double> size;      ///< likewise: of |r_ic x_ij|
  std::vector<double> largest;   ///< likewise: the largest |r_ic x_ij| / rows

  /// What rounding both operands of both products by `unit` of themselves can change, at most.
  double loss_bound = 0.0;
  std::vector<double> bound;
};

/// dl/dz of squared, logistic or softmax loss for the scores of a row.
inline std::vector<double> plain_residuals(const RowLoss& loss, const kernels::TrainingData& data,
                                           std::int64_t row, const std::vector<double>& z) {
  std::vector<double> residuals(z.size());
  if (std::holds_alternative<SquaredLoss>(loss)) {
    for (std::size_t c = 0; c < z.size(); ++c) {
      residuals[c] = z[c] - data.targets[static_cast<std::size_t>(row) * z.size() + c];
    }
    return residuals;
  }
  const auto label = static_cast<std::size_t>(data.labels[static_cast<std::size_t>(row)]);
  if (std::holds_alternative<LogisticLoss>(loss)) {
    return {1.0 / (1.0 + std::exp(-z[0])) - (label == 1 ? 1.0 : 0.0)};
  }
  const double top = *std::max_element(z.begin(), z.end());
  double sum = 0.0;
  for (const double score : z) {
    sum += std::exp(score - top);
  }
  for (std::size_t c = 0; c < z.size(); ++c) {
    residuals[c] = std::exp(z[c] - top) / sum - (c == label ? 1.0 : 0.0);
  }
  return residuals;
}

/// The loss of those scores, likewise.
inline double plain_row_loss(const RowLoss& loss, const kernels::TrainingData& data,
                             std::int64_t row, const std::vector<double>& z) {
  if (std::holds_alternative<SquaredLoss>(loss)) {
    double total = 0.0;
    for (std::size_t c = 0; c < z.size(); ++c) {
      const double gap = z[c] - data.targets[static_cast<std::size_t>(row) * z.size() + c];
      total += gap * gap / 2.0;
    }
    return total;
  }
  const auto label = static_cast<std::size_t>(data.labels[static_cast<std::size_t>(row)]);
  if (std::holds_alternative<LogisticLoss>(loss)) {
    return std::log1p(std::exp(label == 1 ? -z[0] : z[0]));
  }
  const double top = *std::max_element(z.begin(), z.end());
  double sum = 0.0;
  for (const double score : z) {
    sum += std::exp(score - top);
  }
  return std::log(sum) + top - z[label];
}

/// The sums over `rows` of one model whose parameters are (outputs, d + 1), with both products
/// rounded as `precision` says (fp64: not at all), and bounds of rounding by `unit`.
///
/// |z' - z| <= e = (2 u + u^2) sum_j |x_j w_j|. Residuals change by at most L max_c e, with L the
/// largest second derivative: 1 of squared loss, 1/4 of logistic, 1/2 of softmax in the maximum
/// norm, whose p_c (dz_c - sum_k p_k dz_k) is at most 2 p_c (1 - p_c) max |dz|. A loss changes by
/// at most sum_c |r_c| e_c + L e^2 C / 2.
inline ReferenceSums reference_sums(const RowLoss& loss, const kernels::TrainingData& data,
                                    const std::vector<std::int64_t>& rows, std::int64_t outputs,
                                    const double* parameters, Precision precision, double unit) {
  const std::int64_t d = data.features.columns();
  const std::int64_t stride = d + 1;
  const double curvature = std::holds_alternative<SquaredLoss>(loss)    ? 1.0
                           : std::holds_alternative<LogisticLoss>(loss) ? 0.25
                                                                        : 0.5;
  const bool rounds = precision != Precision::fp64;
  const auto operand = [&](double value) { return rounds ? rounded_to(precision, value) : value; };
  const double of_product = 2.0 * unit + unit * unit;
  const auto count = static_cast<double>(rows.size());
  ReferenceSums sums;
  const auto elements = static_cast<std::size_t>(outputs * stride);
  for (std::vector<double>* all : {&sums.gradient, &sums.size, &sums.largest, &sums.bound}) {
    all->assign(elements, 0.0);
  }
  std::vector<double> w(elements);
  std::transform(parameters, parameters + elements, w.begin(), operand);
  std::vector<double> x(static_cast<std::size_t>(stride), 1.0);
  for (const std::int64_t i : rows) {
    std::transform(data.features.row(i), data.features.row(i) + d, x.begin(), operand);
    std::vector<double> z(static_cast<std::size_t>(outputs));
    std::vector<double> reach(z.size());
    for (std::size_t c = 0; c < z.size(); ++c) {
      for (std::size_t j = 0; j < x.size(); ++j) {
        const double product = x[j] * w[c * x.size() + j];
        z[c] += product;
        reach[c] += of_product * std::fabs(product);
      }
    }
    const double weight = data.weights.empty() ? 1.0 : data.weights[static_cast<std::size_t>(i)];
    const std::vector<double> residuals = plain_residuals(loss, data, i, z);
    const double farthest = *std::max_element(reach.begin(), reach.end());
    sums.loss += weight * plain_row_loss(loss, data, i, z) / count;
    for (std::size_t c = 0; c < z.size(); ++c) {
      const double exact = weight * residuals[c];
      const double residual = operand(exact);
      const double moved = weight * curvature * farthest;
      sums.loss_bound +=
          weight * (std::fabs(residuals[c]) * reach[c] + curvature * farthest * farthest / 2.0) /
          count;
      for (std::size_t j = 0; j < x.size(); ++j) {
        const std::size_t e = c * x.size() + j;
        const double product = std::fabs(residual * x[j]) / count;
        sums.gradient[e] += residual * x[j] / count;
        sums.size[e] += product;
        sums.largest[e] = std::max(sums.largest[e], product);
        sums.bound[e] +=
            (of_product * std::fabs(exact) + (1.0 + of_product) * moved) * std::fabs(x[j]) / count;
      }
    }
  }
  return sums;
}

/// How far float32 sums, and a residual that falls on the other side of a rounding twice, may move
/// element e of a rounded gradient.
inline double resolution(const ReferenceSums& sums, Precision precision, std::size_t e) {
  const double gap = precision == Precision::tf32 ? 0x1p-10 : 0x1p-7;
  return 1e-5 * sums.size[e] + 2.0 * gap * sums.largest[e] + 1e-7;
}

}  // namespace steepest::tests
