// SPDX-License-Identifier: Apache-2.0
// A temperature for every group of rows: sites, sensors, languages.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "steepest/calibrate.hpp"

namespace steepest {

/// Which group each row belongs to.
struct RowGroups {
  std::vector<std::string> names;
  std::vector<std::int32_t> of_row;  ///< indexes into names, one a row
};

/// Groups beside the logits: a .npy file of whole numbers, or text with a name a line, below a
/// header when it has a line more than there are rows. Names are in sorted order. Throws InputError
/// when the file cannot be read or has no group for every row.
[[nodiscard]] RowGroups read_groups(const std::string& path, std::int64_t rows);

/// The levels of a categorical column of rows that were read from text. Throws OptionError when
/// there is no such column, or it is not categorical.
[[nodiscard]] RowGroups groups_of_table(const RowSource& table, const std::string& column);

struct GroupTemperature {
  std::string name;
  Calibration calibration;  ///< of the group's rows alone
};

struct GroupCalibration {
  Calibration all;  ///< one temperature for all rows
  std::vector<GroupTemperature> groups;
  CalibrationMetrics after;  ///< of all rows, each at its group's temperature, or, where its group
                             ///< has none, at that of all
  std::optional<BootstrapInterval>
      ece_after;                      ///< where asked for: temperatures stay, rows are drawn
  std::vector<std::string> warnings;  ///< one sentence each, those of `all` left out

  /// 1 / T of every group as `after` uses it.
  [[nodiscard]] std::vector<double> betas() const;
};

/// calibrate_temperature() of all rows and of every group's. Reads a file once more for its groups
/// and once more for `after`. Throws OptionError for groups that are not one a row, and what
/// calibrate_temperature() throws.
[[nodiscard]] GroupCalibration calibrate_groups(const LogitRows& rows, const RowGroups& groups,
                                                const CalibrationOptions& options,
                                                const ReadProgress& progress = {});

/// Writes the calibration as save_calibration() does, with the groups' temperatures: version 2 of
/// the format. Throws InputError.
void save_calibration(const GroupCalibration& calibration, const std::string& path);

/// Rows of which each is multiplied by its group's beta, as float64. Both must outlive it.
[[nodiscard]] std::unique_ptr<LogitRows> grouped_logits(const LogitRows& rows,
                                                        const RowGroups& groups,
                                                        std::vector<double> betas);

}  // namespace steepest
