// SPDX-License-Identifier: Apache-2.0
// Intervals of T and of the calibration error from resampled rows, out of the sketch alone.
#pragma once

#include <cstdint>

#include "kernels/thread_pool.hpp"
#include "src/calibrate/row_sketch.hpp"
#include "steepest/calibrate.hpp"

namespace steepest::calibrate {

/// Poisson bootstrap: T of a replicate solves sum_i w_i (M_i(u) - beta c_i) = 0, where M_i = -dL/du
/// is the derivative of the row's polynomial, so that the sum over rows is one polynomial too; its
/// ECE is that of the weighted rows. `sketch` holds label gaps and was filled by `map`, a window
/// of several nodes. Costs 2 replicates x rows; the same bits for any number of threads.
[[nodiscard]] Bootstrap bootstrap(const RowSketch& sketch, const SketchMap& map,
                                  std::int64_t replicates, std::uint64_t seed,
                                  kernels::ThreadPool& pool);

/// The interval of the ECE at T = 1 alone, of the same replicates.
[[nodiscard]] BootstrapInterval bootstrap_ece(const RowSketch& sketch, std::int64_t replicates,
                                              std::uint64_t seed, kernels::ThreadPool& pool);

}  // namespace steepest::calibrate
