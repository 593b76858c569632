// SPDX-License-Identifier: Apache-2.0
#include "src/cli/affine_report.hpp"

#include <fmt/format.h>

#include "src/cli/progress_bar.hpp"
#include "steepest/output_file.hpp"
#include "steepest/version.hpp"

namespace steepest::cli {
namespace {

Json rows_of(const ScoreScaling& scaling) {
  if (scaling.method != ScalingMethod::matrix) {
    return scaling.factors;
  }
  Json rows = Json::array();
  const auto classes = static_cast<std::int64_t>(scaling.intercept.size());
  for (auto row = scaling.factors.begin(); row != scaling.factors.end(); row += classes) {
    rows.push_back(std::vector<double>(row, row + classes));
  }
  return rows;
}

Json held_out_json(const AffineCalibration& calibration) {
  if (!calibration.held_out) {
    return nullptr;
  }
  const HeldOutNll& nll = *calibration.held_out;
  return {{"rows", nll.rows},
          {"nll_before", nll.before},
          {"nll_temperature", nll.temperature},
          {"nll", nll.affine},
          {"overfits", nll.overfits()}};
}

Json scaling_json(const AffineCalibration& calibration) {
  Json trials = Json::array();
  for (const PenaltyTrial& trial : calibration.trials) {
    trials.push_back({{"penalty", trial.penalty},
                      {"nll", json_number(trial.nll)},
                      {"passes", trial.passes},
                      {"converged", trial.converged}});
  }
  return {{"factors", rows_of(calibration.scaling)},
          {"intercept", calibration.scaling.intercept},
          {"penalty", calibration.penalty},
          {"trials", trials},
          {"held_out", held_out_json(calibration)},
          {"passes", calibration.passes},
          {"converged", calibration.converged},
          {"gradient_max_norm", calibration.gradient_max_norm},
          {"gradient_tolerance", calibration.gradient_tolerance}};
}

}  // namespace

Calibration shown(const AffineCalibration& calibration) {
  Calibration result = calibration.temperature;
  result.after = calibration.after;
  if (result.bootstrap && calibration.ece_after) {
    result.bootstrap->ece_after = *calibration.ece_after;
  }
  result.device = calibration.device;
  result.warnings.insert(result.warnings.end(), calibration.warnings.begin(),
                         calibration.warnings.end());
  return result;
}

Json affine_json(const AffineCalibration& calibration, const CalibrateRun& run) {
  Json json = calibration_json(shown(calibration), run);
  json["method"] = name(calibration.scaling.method);
  json["affine"] = scaling_json(calibration);
  json["nll_temperature"] = json_number(calibration.temperature.after->nll);
  return json;
}

void print_affine(const AffineCalibration& calibration, const CalibrateRun& run) {
  print_line("method", fmt::format("{} scaling from the temperature on, penalty {:g}{}",
                                   name(calibration.scaling.method), calibration.penalty,
                                   calibration.held_out ? ", chosen on rows held out" : ""));
  print_line("", fmt::format("{}: gradient_max_norm {:.3g} {} {:.3g}, {} passes",
                             calibration.converged ? "converged" : "stopped, not converged",
                             calibration.gradient_max_norm, calibration.converged ? "<=" : ">",
                             calibration.gradient_tolerance, calibration.passes));
  if (calibration.held_out) {
    const HeldOutNll& nll = *calibration.held_out;
    print_line("held out", fmt::format("{} rows: nll {:.6f} before, {:.6f} by temperature, {:.6f} "
                                       "by {}{}",
                                       format_count(nll.rows), nll.before, nll.temperature,
                                       nll.affine, name(calibration.scaling.method),
                                       nll.overfits() ? ": it overfits" : ""));
    for (const PenaltyTrial& trial : calibration.trials) {
      fmt::print("{:<13}penalty {:<8g} nll {:.6f}   {} passes{}\n", "", trial.penalty, trial.nll,
                 trial.passes, trial.converged ? "" : ", stopped");
    }
  }
  print_calibration(shown(calibration), run);
}

void save_affine(const AffineCalibration& calibration, const std::vector<std::string>& columns,
                 const std::string& path) {
  Json json{{"format", "steepest-calibration"},     {"format_version", 1},
            {"steepest_version", version},          {"method", name(calibration.scaling.method)},
            {"rows", calibration.temperature.rows}, {"classes", calibration.temperature.classes}};
  if (!columns.empty()) {
    json["columns"] = columns;
  }
  json.update(scaling_json(calibration));
  json["temperature"] = calibration.temperature.temperature;
  OutputFile file(path);
  file.write(json.dump(1) + "\n");
  file.commit();
}

}  // namespace steepest::cli
