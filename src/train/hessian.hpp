// SPDX-License-Identifier: Apache-2.0
// Second derivatives of a mean loss over the rows a backend holds.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <vector>

#include "kernels/backend.hpp"
#include "kernels/thread_pool.hpp"
#include "src/train/scaling.hpp"

namespace steepest::train {

/// What a backend does not tell of the rows it holds.
struct HessianRows {
  const RowSource& data;  ///< their targets and weights
  const RowWeights& weights;
  const Scaling& scaling;
  std::int64_t rows = 0;      ///< n
  std::int64_t features = 0;  ///< d
  std::int64_t columns = 0;   ///< C
};

/// Groups of parameters that no second derivative lies between: one of all C columns for softmax,
/// else one a column.
[[nodiscard]] std::int64_t hessian_groups(const RowLoss& loss, std::int64_t columns);

/// Hessians of the mean loss, without penalty, at `parameters`, (C, d + 1) in the trained scale:
/// one of hessian_groups() symmetric matrices of C (d + 1) / groups rows each, its parameters in
/// the order of `parameters`. The model of `backend`'s bank must be at them; its scores are asked
/// for. In double; the same bits for any number of threads. Not for quantile loss.
[[nodiscard]] std::vector<Eigen::MatrixXd> mean_loss_hessian(kernels::Backend& backend,
                                                             const HessianRows& rows,
                                                             const RowLoss& loss,
                                                             kernels::ThreadPool& pool);

}  // namespace steepest::train
