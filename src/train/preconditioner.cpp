// SPDX-License-Identifier: Apache-2.0
#include "src/train/preconditioner.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>

namespace steepest::train {
namespace {

constexpr std::int64_t most_features = 2000;
constexpr double affordable_multiply_adds = 2e11;
constexpr std::int64_t sampled_rows_per_feature = 64;

// Far above rounding of the moments, far below any direction that matters.
double ridge_of(Precision precision) { return precision == Precision::fp64 ? 1e-12 : 1e-7; }

}  // namespace

std::optional<std::int64_t> preconditioner_sample(std::int64_t rows, std::int64_t features) {
  if (features > most_features) {
    return std::nullopt;
  }
  const std::int64_t stride = features + 1;
  const auto affordable = static_cast<std::int64_t>(
      affordable_multiply_adds / (static_cast<double>(stride) * static_cast<double>(stride)));
  return std::min(rows, std::max(affordable, sampled_rows_per_feature * stride));
}

std::optional<Preconditioner> make_preconditioner(kernels::Backend& backend, std::int64_t rows,
                                                  const HessianBound& limits) {
  const std::optional<std::int64_t> sample = preconditioner_sample(rows, limits.features);
  if (!sample) {
    return std::nullopt;
  }
  return make_preconditioner(backend.second_moment(*sample), *sample >= rows, backend.precision(),
                             limits);
}

std::optional<Preconditioner> make_preconditioner(const std::vector<double>& moment,
                                                  bool exact_bound, Precision precision,
                                                  const HessianBound& limits) {
  const std::int64_t features = limits.features;
  const std::int64_t stride = features + 1;
  const std::int64_t used = limits.intercept ? stride : features;
  Eigen::MatrixXd bound =
      Eigen::Map<const Eigen::MatrixXd>(moment.data(), stride, stride).topLeftCorner(used, used);
  bound *= limits.loss_curvature;
  const double largest = bound.diagonal().maxCoeff();
  const double ridge = ridge_of(precision) * largest;
  for (std::int64_t j = 0; j < used; ++j) {
    // A column of zeros moves nothing, so any curvature serves: one that is far from collinear.
    bound(j, j) += bound(j, j) == 0.0 ? largest : 0.0;
    bound(j, j) += ridge + (j < features ? limits.l2 : 0.0);
  }
  const Eigen::LLT<Eigen::MatrixXd> factor(bound);
  if (factor.info() != Eigen::Success) {
    return std::nullopt;
  }
  const Eigen::MatrixXd inverse = factor.solve(Eigen::MatrixXd::Identity(used, used));
  if (!inverse.allFinite()) {
    return std::nullopt;
  }
  Preconditioner result;
  result.matrix.assign(static_cast<std::size_t>(stride * stride), 0.0);
  for (std::int64_t i = 0; i < used; ++i) {
    for (std::int64_t j = 0; j < used; ++j) {  // symmetric to the bit, whatever the solver rounds
      result.matrix[static_cast<std::size_t>(i * stride + j)] =
          0.5 * (inverse(i, j) + inverse(j, i));
    }
  }
  result.ridge = ridge;
  result.exact_bound = exact_bound;
  return result;
}

}  // namespace steepest::train
