// SPDX-License-Identifier: Apache-2.0
// What has to be said about rows, and about an answer that is right but means little.
#pragma once

#include "src/calibrate/calibration_pass.hpp"
#include "steepest/calibrate.hpp"

namespace steepest::calibrate {

/// Throws InputError for rows with problems that may not be skipped, and when no row is left.
void check_rows(const PassSums& sums, const LogitRows& rows, const CalibrationOptions& options);

/// Adds to result.warnings what the rows are: skipped and masked ones, and of which input.
void add_input_warnings(const PassSums& sums, const CalibrationOptions& options,
                        Calibration& result);

/// Adds all to result.warnings; everything else of the result is known by now.
void add_warnings(const PassSums& sums, const CalibrationOptions& options, Calibration& result);

}  // namespace steepest::calibrate
