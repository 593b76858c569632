// SPDX-License-Identifier: Apache-2.0
// The page of a calibration: what scores said before, what they say now.
#pragma once

#include <string>

#include "src/report/page.hpp"
#include "steepest/calibrate.hpp"

namespace steepest::report {

/// Of the curve as well, where it is there. `source`: files, as given.
[[nodiscard]] std::string calibrate_page(const Calibration& calibration, const std::string& source,
                                         const RunFacts& facts);

}  // namespace steepest::report
