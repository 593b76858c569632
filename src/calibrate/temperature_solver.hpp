// SPDX-License-Identifier: Apache-2.0
// The search for T: a sample first, then all rows, in memory or in one read.
#pragma once

#include "kernels/thread_pool.hpp"
#include "steepest/calibrate.hpp"

namespace steepest::calibrate {

/// Values in memory that are computed with in double: it costs next to nothing.
inline constexpr std::int64_t few_elements = std::int64_t{1} << 22;

/// As calibrate_temperature(), of rows as they are: nothing is loaded.
[[nodiscard]] Calibration solve_temperature(const LogitRows& rows,
                                            const CalibrationOptions& options,
                                            kernels::ThreadPool& pool,
                                            const ReadProgress& progress);

/// As measure_scores().
[[nodiscard]] ScoreMeasurement measure_rows(const LogitRows& rows,
                                            const CalibrationOptions& options,
                                            kernels::ThreadPool& pool,
                                            const ReadProgress& progress);

}  // namespace steepest::calibrate
