// SPDX-License-Identifier: Apache-2.0
// How a calibration is shown: the JSON object of the contract, or tables.
#pragma once

#include <string>

#include "src/cli/command.hpp"
#include "steepest/calibrate.hpp"

namespace steepest::cli {

/// What a run knows beside the calibration itself.
struct CalibrateRun {
  std::string source;  ///< files, as given
  std::int64_t bytes_read = 0;
  double read_seconds = 0.0;  ///< before anything was solved; 0 where both went on at once
  double total_seconds = 0.0;
  std::string applied;        ///< file of calibrated rows; empty: none
  std::string model;          ///< model file that the calibration was put into; empty: none
  bool can_hold_out = false;  ///< whether --valid-fraction would judge it, and was not given
};

[[nodiscard]] Json calibration_json(const Calibration& calibration, const CalibrateRun& run);

/// The line that says what was read, and where it was computed.
void print_data(const Calibration& calibration, const CalibrateRun& run);

/// The interval of T in words.
[[nodiscard]] std::string interval_text(const Calibration& calibration);

/// Intervals of a bootstrap, where there is one; metrics; bins.
void print_measured(const Calibration& calibration);

void print_calibration(const Calibration& calibration, const CalibrateRun& run);

}  // namespace steepest::cli
