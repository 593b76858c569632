// SPDX-License-Identifier: Apache-2.0
#include "steepest/saved_calibration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <set>
#include <utility>

#include "src/calibrate/calibration_format.hpp"
#include "src/data/excerpt.hpp"
#include "src/data/json_file.hpp"
#include "steepest/affine_calibration.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

using data::Json;
using data::JsonFile;

// Solved or undetermined: where the status says that there is a temperature to apply.
CalibrationStatus status_of(const JsonFile& file, const Json& json) {
  const auto status = file.value<std::string>(json, "status");
  for (const auto applies : {CalibrationStatus::solved, CalibrationStatus::undetermined}) {
    if (status == name(applies)) {
      return applies;
    }
  }
  file.fail(fmt::format("holds nothing to apply: its status is {}, no finite temperature above 0",
                        data::quoted(status)));
}

double beta_of(const JsonFile& file, const Json& json) {
  const auto beta = file.value<double>(json, "beta");
  if (!(beta > 0.0 && std::isfinite(beta))) {
    file.fail(fmt::format("\"beta\" is {}: expected a number above 0", beta));
  }
  return beta;
}

ScoreScaling scaling_of(const JsonFile& file, ScalingMethod method, std::int64_t classes) {
  const Json& json = file.json();
  ScoreScaling scaling{method, {}, {}};
  if (method == ScalingMethod::temperature) {
    scaling.factors = {beta_of(file, json)};
    return scaling;
  }
  if (method == ScalingMethod::vector) {
    scaling.factors = file.finite(json, "factors");
  } else {
    for (const Json& row : file.value<Json>(json, "factors")) {
      const Json held{{"factors", row}};
      const std::vector<double> values = file.finite(held, "factors");
      file.require_size("factors", values.size(), classes);
      scaling.factors.insert(scaling.factors.end(), values.begin(), values.end());
    }
  }
  scaling.intercept = file.finite(json, "intercept");
  file.require_size("factors", scaling.factors.size(),
                    method == ScalingMethod::vector ? classes : classes * classes);
  file.require_size("intercept", scaling.intercept.size(), classes);
  return scaling;
}

// None in files of before they were kept.
std::vector<std::string> columns_of(const JsonFile& file, std::int64_t classes) {
  if (!file.json().contains("columns")) {
    return {};
  }
  auto columns = file.value<std::vector<std::string>>(file.json(), "columns");
  const bool one_for_two = columns.size() == 1 && classes == 2;
  if (!one_for_two) {
    file.require_size("columns", columns.size(), classes);
  }
  return columns;
}

void add_groups(const JsonFile& file, SavedCalibration& calibration) {
  std::set<std::string> seen;
  for (const Json& group : file.value<Json>(file.json(), "groups")) {
    const auto name_of_group = file.value<std::string>(group, "name");
    if (!seen.insert(name_of_group).second) {
      file.fail(fmt::format("has the group {} twice", data::quoted(name_of_group)));
    }
    if (file.value<std::string>(group, "status") == name(CalibrationStatus::solved)) {
      calibration.betas[name_of_group] = beta_of(file, group);
    }
  }
}

}  // namespace

std::vector<double> SavedCalibration::betas_of(const std::vector<std::string>& names) const {
  std::vector<double> result;
  for (const std::string& name_of_group : names) {
    const auto found = betas.find(name_of_group);
    result.push_back(found == betas.end() ? scaling.factors[0] : found->second);
  }
  return result;
}

std::vector<std::string> SavedCalibration::without_own(
    const std::vector<std::string>& names) const {
  std::vector<std::string> result;
  std::copy_if(names.begin(), names.end(), std::back_inserter(result),
               [this](const std::string& name_of_group) { return !betas.contains(name_of_group); });
  return result;
}

SavedCalibration load_calibration(const std::string& path) {
  const JsonFile file(path, "calibration", calibrate::format_name, calibrate::groups_version,
                      calibrate::format_version);
  SavedCalibration calibration;
  calibration.classes = file.value<std::int64_t>(file.json(), "classes");
  if (calibration.classes < 2 || calibration.classes > std::numeric_limits<std::int32_t>::max()) {
    file.fail(fmt::format("\"classes\" is {}: expected 2 or more", calibration.classes));
  }
  const auto method = file.value<std::string>(file.json(), "method");
  try {
    const ScalingMethod parsed = parse_scaling_method(method);
    if (parsed == ScalingMethod::temperature) {
      calibration.status = status_of(file, file.json());
    }
    calibration.scaling = scaling_of(file, parsed, calibration.classes);
  } catch (const OptionError&) {
    file.fail(fmt::format("\"method\" is {}: expected temperature, vector or matrix",
                          data::quoted(method)));
  }
  calibration.columns = columns_of(file, calibration.classes);
  if (file.json().contains("groups")) {
    if (calibration.scaling.method != ScalingMethod::temperature) {
      file.fail("has \"groups\", which go with a temperature");
    }
    calibration.has_groups = true;
    add_groups(file, calibration);
  }
  return calibration;
}

void check_columns(const SavedCalibration& calibration, const LogitRows& rows,
                   const std::vector<std::string>& columns) {
  const std::vector<std::string>& fitted = calibration.columns;
  if (calibration.scaling.method == ScalingMethod::temperature || fitted.empty() ||
      columns.empty() || fitted == columns) {
    return;
  }
  const auto differ =
      std::mismatch(columns.begin(), columns.end(), fitted.begin(), fitted.end()).first -
      columns.begin();
  throw InputError(Location{rows.name()},
                   fmt::format("has the columns {}, and the calibration is of {}, in this order: "
                               "from column {} (from 0) on, one class would be scaled as another. "
                               "Fix: put the columns in the calibration's order, under its names",
                               data::list_of(columns), data::list_of(fitted), differ));
}

std::unique_ptr<LogitRows> calibrated_rows(const LogitRows& rows, const RowGroups& groups,
                                           const SavedCalibration& calibration) {
  if (rows.classes() != calibration.classes) {
    throw InputError(Location{rows.name()},
                     fmt::format("has {} classes, and the calibration {}: it is of other scores",
                                 rows.classes(), calibration.classes));
  }
  const bool has_groups = !groups.names.empty();
  if (has_groups != calibration.has_groups) {
    throw OptionError(
        has_groups ? "the calibration has no groups: leave --group out"
                   : "the calibration has a temperature a group: say with --group which group "
                     "each row is of");
  }
  return has_groups ? grouped_logits(rows, groups, calibration.betas_of(groups.names))
                    : scaled_logits(rows, calibration.scaling);
}

}  // namespace steepest
