// SPDX-License-Identifier: Apache-2.0
// The parameters of a calibration on a page: factors and intercepts, a matrix, groups.
#pragma once

#include <string>
#include <vector>

#include "src/report/page.hpp"
#include "steepest/affine_calibration.hpp"
#include "steepest/calibrate_groups.hpp"

namespace steepest::report {

/// A vector's factors and intercepts as a table, a matrix as shades; of many classes those that
/// stand out. `temperature` is the beta that a factor is held against, 0 where it is not known.
void add_scaling(Page& page, const ScoreScaling& scaling, const std::vector<std::string>& classes,
                 double beta);

/// NLL on rows held out, and what was tried.
void add_held_out(Page& page, const AffineCalibration& affine);

/// Among charts: T of every group with its interval.
void add_group_chart(Page& page, const GroupCalibration& groups);

/// A line a group: T with its interval, rows, NLL and ECE before and after.
void add_groups(Page& page, const GroupCalibration& groups);

}  // namespace steepest::report
