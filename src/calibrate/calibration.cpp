// SPDX-License-Identifier: Apache-2.0
// What a calibration says of itself.
#include <cmath>

#include "steepest/calibrate.hpp"

namespace steepest {
namespace {

// Standard deviations to each side that hold 95 % of a normal variable.
constexpr double deviations = 1.959963984540054;

}  // namespace

std::string_view name(CalibrationStatus status) {
  switch (status) {
    case CalibrationStatus::solved:
      return "solved";
    case CalibrationStatus::zero:
      return "zero";
    case CalibrationStatus::infinite:
      return "infinite";
    case CalibrationStatus::undetermined:
      break;
  }
  return "undetermined";
}

bool Calibration::has_interval() const {
  return status == CalibrationStatus::solved && std::isfinite(log_temperature_standard_error);
}

double Calibration::lower_temperature() const {
  return temperature * std::exp(-deviations * log_temperature_standard_error);
}

double Calibration::upper_temperature() const {
  return temperature * std::exp(deviations * log_temperature_standard_error);
}

}  // namespace steepest
