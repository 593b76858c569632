// SPDX-License-Identifier: Apache-2.0
// The files that hold a calibration: JSON, and bins as CSV.
#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "steepest/calibrate.hpp"
#include "steepest/output_file.hpp"
#include "steepest/version.hpp"

namespace steepest {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* format_name = "steepest-calibration";
constexpr int format_version = 1;

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

}  // namespace

void save_calibration(const Calibration& calibration, const std::string& path) {
  const Json json{
      {"format", format_name},
      {"format_version", format_version},
      {"steepest_version", version},
      {"method", "temperature"},
      {"status", name(calibration.status)},
      {"temperature", number(calibration.temperature)},
      {"beta", number(calibration.beta)},
      {"log_temperature_standard_error", number(calibration.log_temperature_standard_error)},
      {"rows", calibration.rows},
      {"classes", calibration.classes},
      {"before", to_json(calibration.before)},
      {"after", calibration.after ? to_json(*calibration.after) : Json(nullptr)}};
  OutputFile file(path);
  file.write(json.dump(1) + "\n");
  file.commit();
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
