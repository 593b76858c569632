// SPDX-License-Identifier: Apache-2.0
// The page of a calibration: what scores said before, what they say now, and by what.
#pragma once

#include <string>
#include <vector>

#include "src/report/page.hpp"
#include "steepest/affine_calibration.hpp"
#include "steepest/calibrate.hpp"
#include "steepest/calibrate_groups.hpp"

namespace steepest::report {

/// What the page is about. Pointers are null where they do not apply, and are not kept.
struct CalibratePage {
  std::string source;       ///< files, as given
  Calibration calibration;  ///< `after` by whatever the method was; its curve, where it is there
  const AffineCalibration* affine = nullptr;  ///< a vector or matrix that was fitted
  const GroupCalibration* groups = nullptr;   ///< temperatures by group that were fitted
  const ScoreScaling* scaling = nullptr;      ///< parameters to show: of affine, or of `used`
  std::vector<std::string> classes;           ///< names; numbers from 0 where there are none
  std::string used;          ///< file of a calibration made before; empty: made now
  bool used_groups = false;  ///< whether that has temperatures by group
};

[[nodiscard]] std::string calibrate_page(const CalibratePage& given, const RunFacts& facts);

}  // namespace steepest::report
