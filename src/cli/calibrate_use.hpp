// SPDX-License-Identifier: Apache-2.0
// calibrate --use: a calibration that was saved, on other rows.
#pragma once

#include "src/cli/calibrate_options.hpp"

namespace steepest::cli {

/// Applies it, and where there are labels says what it does to the metrics. Returns an exit code.
int use_calibration(const CalibrateOptions& given, const GlobalOptions& global);

}  // namespace steepest::cli
