// SPDX-License-Identifier: Apache-2.0
// What a calibration file calls itself.
#pragma once

namespace steepest::calibrate {

inline constexpr const char* format_name = "steepest-calibration";
inline constexpr int format_version = 1;

/// Of a temperature a group: a program that would give all rows the same must not read it.
inline constexpr int groups_version = 2;

}  // namespace steepest::calibrate
