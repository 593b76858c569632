// SPDX-License-Identifier: Apache-2.0
// The minimum of an affine objective.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/thread_pool.hpp"
#include "src/calibrate/affine_objective.hpp"

namespace steepest::calibrate {

/// A search has converged when no derivative is larger.
inline constexpr double gradient_tolerance = 1e-7;

/// Where a search ended.
struct AffineSearch {
  std::vector<double> theta;
  Evaluation at;
  std::int64_t passes = 0;  ///< over the rows
  bool converged = false;
};

/// L-BFGS (kernels/lbfgs.hpp) in the objective's metric, from `start` on, for a penalty lambda.
/// Ends without having converged after 2,000 passes, or where rounding hides every way down.
[[nodiscard]] AffineSearch minimise(AffineObjective& objective, double penalty,
                                    std::vector<double> start, kernels::ThreadPool& pool);

}  // namespace steepest::calibrate
