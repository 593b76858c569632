// SPDX-License-Identifier: Apache-2.0
// A calibration that was saved, for other rows of the same classes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "steepest/calibrate.hpp"
#include "steepest/calibrate_groups.hpp"
#include "steepest/logit_rows.hpp"
#include "steepest/score_scaling.hpp"

namespace steepest {

struct SavedCalibration {
  ScoreScaling scaling;  ///< of all rows
  std::int64_t classes = 0;

  /// Solved or undetermined, as the temperature of all rows was; solved for a vector or matrix.
  CalibrationStatus status = CalibrationStatus::solved;

  /// Names of the columns that a vector or matrix was fitted to, in their order; empty where they
  /// had none. One column stands for two classes.
  std::vector<std::string> columns;

  bool has_groups = false;
  std::map<std::string, double> betas;  ///< 1 / T of the groups that have one of their own

  /// 1 / T for each of `names`: the group's own, or, for one that has none, that of all rows.
  [[nodiscard]] std::vector<double> betas_of(const std::vector<std::string>& names) const;

  /// Those of `names` that have no temperature of their own.
  [[nodiscard]] std::vector<std::string> without_own(const std::vector<std::string>& names) const;
};

/// Reads what save_calibration() wrote, of a temperature, a vector, a matrix or groups. Throws
/// InputError when the file is another, is not whole, or holds no finite temperature above 0.
[[nodiscard]] SavedCalibration load_calibration(const std::string& path);

/// Throws InputError, naming both orders, where a vector or matrix that was fitted to named columns
/// meets other names or another order: it would scale one class as another. `columns` are empty
/// where those of `rows` have no names.
void check_columns(const SavedCalibration& calibration, const LogitRows& rows,
                   const std::vector<std::string>& columns);

/// Rows as the calibration leaves them, as float64. `rows` and `groups`, which has a group for
/// every row where the calibration is one of groups, must outlive it. Throws InputError when rows
/// have other classes, OptionError for groups where there should be none and the reverse.
[[nodiscard]] std::unique_ptr<LogitRows> calibrated_rows(const LogitRows& rows,
                                                         const RowGroups& groups,
                                                         const SavedCalibration& calibration);

}  // namespace steepest
