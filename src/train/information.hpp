// SPDX-License-Identifier: Apache-2.0
// The information in rows: Hessian and gradient of a summed loss at a model, in double.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "kernels/thread_pool.hpp"
#include "src/train/inference.hpp"

namespace steepest::train {

/// Sums over all rows, weights as they came. A group is a set of p = d (+ 1 with an intercept,
/// last) parameters: the one all targets of a linear model share, or a class but the first.
/// Features are centred at InferenceInput::feature_mean.
struct Information {
  std::int64_t groups = 1;
  std::int64_t width = 0;              ///< p
  Eigen::MatrixXd hessian;             ///< (groups p, groups p), symmetric
  Eigen::MatrixXd moment;              ///< (p, p): sum w x x', the Hessian itself for linear models
  Eigen::MatrixXd gradient;            ///< (groups p, 1), or of linear models (p, targets)
  std::vector<double> residual;        ///< sum w r^2 of every target; empty for classifiers
  std::vector<double> target_squares;  ///< sum w y^2, likewise
};

[[nodiscard]] Information information_at_model(const InferenceInput& input,
                                               kernels::ThreadPool& pool);

}  // namespace steepest::train
