// SPDX-License-Identifier: Apache-2.0
#include "src/cli/group_report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "src/cli/progress_bar.hpp"
#include "src/data/excerpt.hpp"

namespace steepest::cli {
namespace {

Json metrics_of(const CalibrationMetrics& metrics) {
  return {
      {"nll", json_number(metrics.nll)}, {"accuracy", json_number(metrics.accuracy)},
      {"ece", json_number(metrics.ece)}, {"ece_equal_mass", json_number(metrics.ece_equal_mass)},
      {"mce", json_number(metrics.mce)}, {"brier", json_number(metrics.brier)}};
}

Json interval_json(const Calibration& own) {
  return own.has_interval() ? Json{own.lower_temperature(), own.upper_temperature()}
                            : Json(nullptr);
}

}  // namespace

Calibration shown(const GroupCalibration& calibration) {
  Calibration result = calibration.all;
  result.after = calibration.after;
  if (result.bootstrap && calibration.ece_after) {
    result.bootstrap->ece_after = *calibration.ece_after;
  }
  result.warnings.insert(result.warnings.end(), calibration.warnings.begin(),
                         calibration.warnings.end());
  return result;
}

Json groups_json(const GroupCalibration& calibration, const CalibrateRun& run) {
  Json json = calibration_json(calibration.all, run);
  json["after_groups"] = metrics_of(calibration.after);
  json["ece_after_groups_interval"] =
      calibration.ece_after ? Json{calibration.ece_after->lower, calibration.ece_after->upper}
                            : Json(nullptr);
  json["warnings"] = shown(calibration).warnings;
  json["groups"] = Json::array();
  for (const GroupTemperature& group : calibration.groups) {
    const Calibration& own = group.calibration;
    json["groups"].push_back(
        {{"name", group.name},
         {"rows", own.rows},
         {"status", name(own.status)},
         {"temperature", json_number(own.temperature)},
         {"beta", json_number(own.beta)},
         {"temperature_interval", interval_json(own)},
         {"log_temperature_standard_error", json_number(own.log_temperature_standard_error)},
         {"before", own.rows > 0 ? metrics_of(own.before) : Json(nullptr)},
         {"after", own.after ? metrics_of(*own.after) : Json(nullptr)}});
  }
  return json;
}

void print_groups(const GroupCalibration& calibration, const CalibrateRun& run) {
  print_calibration(calibration.all, run);
  std::size_t width = 16;
  for (const GroupTemperature& group : calibration.groups) {
    width = std::max(width, data::printable(group.name).size() + 2);
  }
  fmt::print("\n{:<{}}{:>12}{:>14}{:>24}{:>12}{:>12}{:>12}{:>12}\n", "group", width, "rows", "T",
             "95 % interval", "nll before", "after", "ece before", "after");
  for (const GroupTemperature& group : calibration.groups) {
    const Calibration& own = group.calibration;
    fmt::print("{:<{}}{:>12}", data::printable(group.name), width, format_count(own.rows));
    if (own.status != CalibrationStatus::solved) {
      fmt::print("{:>14}\n", own.rows > 0 ? name(own.status) : "no rows");
      continue;
    }
    fmt::print("{:>14.6g}{:>24}{:>12.6g}{:>12.6g}{:>12.4g}{:>12.4g}\n", own.temperature,
               own.has_interval() ? fmt::format("{:.4g} to {:.4g}", own.lower_temperature(),
                                                own.upper_temperature())
                                  : "not known",
               own.before.nll, own.after->nll, own.before.ece, own.after->ece);
  }
  fmt::print("{:<{}}{:>12}{:>14}{:>24}{:>12.6g}{:>12.6g}{:>12.4g}{:>12.4g}\n", "all, by group",
             width, format_count(calibration.all.rows), "", "", calibration.all.before.nll,
             calibration.after.nll, calibration.all.before.ece, calibration.after.ece);
}

}  // namespace steepest::cli
