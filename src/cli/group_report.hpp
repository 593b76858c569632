// SPDX-License-Identifier: Apache-2.0
// How temperatures by group are shown: what they add to the report of one for all rows.
#pragma once

#include "src/cli/calibrate_report.hpp"
#include "steepest/calibrate_groups.hpp"

namespace steepest::cli {

/// The calibration of all rows, with the metrics, intervals and warnings of temperatures by group.
[[nodiscard]] Calibration shown(const GroupCalibration& calibration);

/// The object of calibration_json() for all rows, with "groups" and "after_groups".
[[nodiscard]] Json groups_json(const GroupCalibration& calibration, const CalibrateRun& run);

void print_groups(const GroupCalibration& calibration, const CalibrateRun& run);

}  // namespace steepest::cli
