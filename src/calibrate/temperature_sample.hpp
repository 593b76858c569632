// SPDX-License-Identifier: Apache-2.0
// Where to look for T, from a sample of the rows.
#pragma once

#include "kernels/thread_pool.hpp"
#include "src/calibrate/calibration_pass.hpp"

namespace steepest::calibrate {

/// What a sample says: where to look, and how far around.
struct Estimate {
  double u = 0.0;
  double deviation = 1.0;  ///< of log T
};

/// Of log T: the spread of the scores' sum over the curvature (Huber 1967, the sandwich).
[[nodiscard]] double deviation_of(double variance, double score_square);

/// c of rows that were added up, as a mean, smoothed.
[[nodiscard]] double smoothed_gap(const PassSums& sums, double smoothing);

/// The answer of every so many-th block, which stays in memory where the rows come from a file.
/// T = 1 and a deviation of 1 when the sample has no answer. `device_ordinal`: see PassPlan.
[[nodiscard]] Estimate look_at_sample(BlockReader& blocks, double smoothing, int device_ordinal,
                                      kernels::ThreadPool& pool);

}  // namespace steepest::calibrate
