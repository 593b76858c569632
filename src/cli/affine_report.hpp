// SPDX-License-Identifier: Apache-2.0
// How vector and matrix scaling are shown: what they add to a temperature's report.
#pragma once

#include <string>
#include <vector>

#include "src/cli/calibrate_report.hpp"
#include "steepest/affine_calibration.hpp"

namespace steepest::cli {

/// The calibration that the shared reports show: the temperature's, with the metrics, intervals and
/// warnings of the scaling.
[[nodiscard]] Calibration shown(const AffineCalibration& calibration);

/// The object of calibration_json() for the temperature, with "after" of the scaling, and "affine".
[[nodiscard]] Json affine_json(const AffineCalibration& calibration, const CalibrateRun& run);

void print_affine(const AffineCalibration& calibration, const CalibrateRun& run);

/// Writes the scaling as JSON, format "steepest-calibration", with the names of the columns it was
/// fitted to where they have some. Throws InputError.
void save_affine(const AffineCalibration& calibration, const std::vector<std::string>& columns,
                 const std::string& path);

}  // namespace steepest::cli
