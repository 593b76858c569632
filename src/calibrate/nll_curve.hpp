// SPDX-License-Identifier: Apache-2.0
// The negative log-likelihood as a function of the temperature, for a picture.
#pragma once

#include <cstdint>
#include <vector>

#include "steepest/logit_rows.hpp"

namespace steepest::calibrate {

struct NllPoint {
  double temperature = 0.0;
  double nll = 0.0;  ///< mean over the rows, natural logarithm
};

/// At `points` (>= 2) temperatures evenly spaced in the logarithm between two above 0, from one
/// read of all rows; rows with problems are left out. `smoothing` as in CalibrationOptions.
[[nodiscard]] std::vector<NllPoint> nll_curve(const LogitRows& rows, double low, double high,
                                              std::int64_t points, double smoothing, int threads);

}  // namespace steepest::calibrate
