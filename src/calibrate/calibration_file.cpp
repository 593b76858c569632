// SPDX-License-Identifier: Apache-2.0
// The files that hold a calibration: JSON, and bins as CSV.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "src/calibrate/calibration_format.hpp"
#include "steepest/calibrate.hpp"
#include "steepest/calibrate_groups.hpp"
#include "steepest/output_file.hpp"
#include "steepest/version.hpp"

namespace steepest {
namespace {

using Json = nlohmann::ordered_json;

// Infinities have no place in JSON.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json to_json(const CalibrationMetrics& metrics) {
  return {{"nll", metrics.nll}, {"accuracy", metrics.accuracy},
          {"ece", metrics.ece}, {"ece_equal_mass", metrics.ece_equal_mass},
          {"mce", metrics.mce}, {"brier", metrics.brier}};
}

void append_bins(const char* when, const char* kind, const std::vector<ReliabilityBin>& bins,
                 std::string& text) {
  int index = 0;
  for (const ReliabilityBin& bin : bins) {
    text += fmt::format("{},{},{},{},{},{},", when, kind, index++, bin.lower, bin.upper, bin.count);
    text += bin.count > 0 ? fmt::format("{},{}\n", bin.confidence, bin.accuracy) : ",\n";
  }
}

// The keys that a temperature has, whether it is of all rows or of a group.
Json to_json(const Calibration& calibration) {
  return {{"status", name(calibration.status)},
          {"temperature", number(calibration.temperature)},
          {"beta", number(calibration.beta)},
          {"log_temperature_standard_error", number(calibration.log_temperature_standard_error)},
          {"rows", calibration.rows},
          {"classes", calibration.classes},
          {"before", calibration.rows > 0 ? to_json(calibration.before) : Json(nullptr)},
          {"after", calibration.after ? to_json(*calibration.after) : Json(nullptr)}};
}

Json file_json(const Calibration& calibration, int format_version) {
  Json json{{"format", calibrate::format_name},
            {"format_version", format_version},
            {"steepest_version", version},
            {"method", "temperature"}};
  json.update(to_json(calibration));
  return json;
}

void write(const Json& json, const std::string& path) {
  OutputFile file(path);
  file.write(json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
  file.commit();
}

}  // namespace

void save_calibration(const Calibration& calibration, const std::string& path) {
  write(file_json(calibration, calibrate::format_version), path);
}

void save_calibration(const GroupCalibration& calibration, const std::string& path) {
  Json json = file_json(calibration.all, calibrate::groups_version);
  json["after_groups"] = to_json(calibration.after);
  json["groups"] = Json::array();
  for (const GroupTemperature& group : calibration.groups) {
    Json entry{{"name", group.name}};
    entry.update(to_json(group.calibration));
    json["groups"].push_back(std::move(entry));
  }
  write(json, path);
}

void save_bins(const Calibration& calibration, const std::string& path) {
  std::string text = "when,kind,bin,lower,upper,count,confidence,accuracy\n";
  append_bins("before", "equal_width", calibration.before.bins, text);
  append_bins("before", "equal_mass", calibration.before.equal_mass_bins, text);
  if (calibration.after) {
    append_bins("after", "equal_width", calibration.after->bins, text);
    append_bins("after", "equal_mass", calibration.after->equal_mass_bins, text);
  }
  OutputFile file(path);
  file.write(text);
  file.commit();
}

}  // namespace steepest
