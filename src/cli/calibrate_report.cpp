// SPDX-License-Identifier: Apache-2.0
#include "src/cli/calibrate_report.hpp"

#include <fmt/format.h>

#include <cmath>

#include "src/cli/progress_bar.hpp"
#include "steepest/version.hpp"

namespace steepest::cli {
namespace {

// Metrics in the order of the table; the first six are the contract's.
struct Named {
  const char* name;
  double CalibrationMetrics::*value;
};
constexpr Named named[] = {{"nll", &CalibrationMetrics::nll},
                           {"accuracy", &CalibrationMetrics::accuracy},
                           {"ece", &CalibrationMetrics::ece},
                           {"ece_equal_mass", &CalibrationMetrics::ece_equal_mass},
                           {"mce", &CalibrationMetrics::mce},
                           {"brier", &CalibrationMetrics::brier},
                           {"rmsce", &CalibrationMetrics::rmsce},
                           {"confidence", &CalibrationMetrics::confidence},
                           {"entropy", &CalibrationMetrics::entropy}};

Json bins_json(const std::vector<ReliabilityBin>& bins) {
  Json json = Json::array();
  for (const ReliabilityBin& bin : bins) {
    const bool empty = bin.count == 0;
    json.push_back({{"lower", bin.lower},
                    {"upper", bin.upper},
                    {"count", bin.count},
                    {"confidence", empty ? Json(nullptr) : Json(bin.confidence)},
                    {"accuracy", empty ? Json(nullptr) : Json(bin.accuracy)}});
  }
  return json;
}

Json metrics_json(const CalibrationMetrics& metrics) {
  Json json = Json::object();
  for (const Named& metric : named) {
    json[metric.name] = json_number(metrics.*metric.value);
  }
  json["bins"] = bins_json(metrics.bins);
  json["equal_mass_bins"] = bins_json(metrics.equal_mass_bins);
  return json;
}

Json interval_json(const BootstrapInterval& interval) {
  return {json_number(interval.lower), json_number(interval.upper)};
}

Json bootstrap_json(const Calibration& calibration) {
  if (!calibration.bootstrap) {
    return nullptr;
  }
  const Bootstrap& bootstrap = *calibration.bootstrap;
  return {{"replicates", bootstrap.replicates},
          {"temperature", interval_json(bootstrap.temperature)},
          {"ece_before", interval_json(bootstrap.ece_before)},
          {"ece_after", interval_json(bootstrap.ece_after)}};
}

Json held_out_json(const Calibration& calibration) {
  if (!calibration.held_out) {
    return nullptr;
  }
  const HeldOutMetrics& held_out = *calibration.held_out;
  return {{"rows", held_out.rows},
          {"temperature", held_out.temperature},
          {"before", metrics_json(held_out.before)},
          {"after", metrics_json(held_out.after)}};
}

Json curve_json(const std::vector<NllPoint>& curve) {
  Json json = Json::array();
  for (const NllPoint& point : curve) {
    json.push_back({{"temperature", point.temperature}, {"nll", point.nll}});
  }
  return json;
}

// Ends that the replicates did not reach have no number.
std::string temperatures_text(const BootstrapInterval& interval) {
  if (!(interval.lower > 0.0) && std::isinf(interval.upper)) {
    return "";
  }
  return fmt::format(
      "T {}{}; ", interval.lower > 0.0 ? fmt::format("{:.4g}", interval.lower) : "any below",
      std::isinf(interval.upper) ? " and above" : fmt::format(" to {:.4g}", interval.upper));
}

void print_bootstrap(const Bootstrap& bootstrap) {
  fmt::print("{:<13}95 % of {} replicates: {}ece {:.4g} to {:.4g} before, {:.4g} to {:.4g} after\n",
             "bootstrap", bootstrap.replicates, temperatures_text(bootstrap.temperature),
             bootstrap.ece_before.lower, bootstrap.ece_before.upper, bootstrap.ece_after.lower,
             bootstrap.ece_after.upper);
}

std::string result_text(const Calibration& calibration) {
  switch (calibration.status) {
    case CalibrationStatus::solved:
      return fmt::format("solved: T {:.6g}, {}", calibration.temperature,
                         interval_text(calibration));
    case CalibrationStatus::zero:
      return "zero: no temperature above 0 is best, the NLL falls all the way to T = 0";
    case CalibrationStatus::infinite:
      return "infinite: no finite temperature is best, the NLL falls for ever as T grows";
    case CalibrationStatus::undetermined:
      break;
  }
  return "undetermined: every temperature is equally good, T = 1 is kept";
}

void print_metrics(const Calibration& calibration) {
  fmt::print("\n{:<16}{:>12}{}\n", "", "before",
             calibration.after ? fmt::format("{:>12}", "after") : "");
  for (const Named& metric : named) {
    fmt::print("{:<16}{:>12.6g}", metric.name, calibration.before.*metric.value);
    if (calibration.after) {
      fmt::print("{:>12.6g}", (*calibration.after).*metric.value);
    }
    fmt::print("\n");
  }
}

std::string bin_text(const ReliabilityBin& bin) {
  if (bin.count == 0) {
    return fmt::format("{:>14}{:>12}{:>10}", 0, "", "");
  }
  return fmt::format("{:>14}{:>12.4f}{:>10.4f}", format_count(bin.count), bin.confidence,
                     bin.accuracy);
}

void print_bins(const Calibration& calibration) {
  const auto head = fmt::format("{:>14}{:>12}{:>10}", "rows", "confidence", "accuracy");
  fmt::print("\n{:<16}{:>36}{}\n", "", "before",
             calibration.after ? fmt::format("{:>36}", "after") : "");
  fmt::print("{:<16}{}{}\n", "confidence in", head, calibration.after ? head : "");
  for (std::size_t b = 0; b < calibration.before.bins.size(); ++b) {
    const ReliabilityBin& bin = calibration.before.bins[b];
    fmt::print("({:.4f}, {:.4f}]{}{}\n", bin.lower, bin.upper, bin_text(bin),
               calibration.after ? bin_text(calibration.after->bins[b]) : "");
  }
}

}  // namespace

Json calibration_json(const Calibration& calibration, const CalibrateRun& run) {
  return {
      {"command", "calibrate"},
      {"version", version},
      {"device", to_json(calibration.device)},
      {"method", "temperature"},
      {"status", name(calibration.status)},
      {"temperature", json_number(calibration.temperature)},
      {"beta", json_number(calibration.beta)},
      {"log_temperature_standard_error", json_number(calibration.log_temperature_standard_error)},
      {"temperature_interval", calibration.has_interval()
                                   ? Json{json_number(calibration.lower_temperature()),
                                          json_number(calibration.upper_temperature())}
                                   : Json(nullptr)},
      {"reads", calibration.reads},
      {"passes", calibration.passes},
      {"residual", json_number(calibration.residual)},
      {"interpolation", json_number(calibration.interpolation)},
      {"certified", calibration.certified},
      {"label_gap", json_number(calibration.label_gap)},
      {"uniform_gap", json_number(calibration.uniform_gap)},
      {"rows", calibration.rows},
      {"rows_skipped", calibration.rows_skipped},
      {"masked", calibration.masked},
      {"classes", calibration.classes},
      {"bytes_read", run.bytes_read},
      {"seconds",
       {{"total", run.total_seconds},
        {"read", run.read_seconds},
        {"solve", run.total_seconds - run.read_seconds}}},
      {"before", metrics_json(calibration.before)},
      {"after", calibration.after ? metrics_json(*calibration.after) : Json(nullptr)},
      {"bootstrap", bootstrap_json(calibration)},
      {"held_out", held_out_json(calibration)},
      {"curve", curve_json(calibration.curve)},
      {"warnings", calibration.warnings},
      {"applied", run.applied.empty() ? Json(nullptr) : Json(run.applied)},
      {"model", run.model.empty() ? Json(nullptr) : Json(run.model)}};
}

std::string interval_text(const Calibration& calibration) {
  return calibration.has_interval()
             ? fmt::format("95 % interval {:.4g} to {:.4g}", calibration.lower_temperature(),
                           calibration.upper_temperature())
             : "its interval is not known";
}

void print_data(const Calibration& calibration, const CalibrateRun& run) {
  const DeviceInfo& device = calibration.device;
  fmt::print("{:<13}{}: {} row{}, {} classes; {} read\n", "data", run.source,
             format_count(calibration.rows), calibration.rows == 1 ? "" : "s",
             format_count(calibration.classes), format_bytes(static_cast<double>(run.bytes_read)));
  fmt::print("{:<13}{}: {}\n", "device", name(device.kind), device.name);
}

void print_measured(const Calibration& calibration) {
  if (calibration.bootstrap) {
    print_bootstrap(*calibration.bootstrap);
  }
  print_metrics(calibration);
  print_bins(calibration);
}

void print_calibration(const Calibration& calibration, const CalibrateRun& run) {
  print_data(calibration, run);
  fmt::print("{:<13}{}\n", "result", result_text(calibration));
  if (calibration.status == CalibrationStatus::solved) {
    fmt::print("{:<13}standard error of log T {}, residual {:.2g}\n", "",
               calibration.has_interval()
                   ? fmt::format("{:.2g}", calibration.log_temperature_standard_error)
                   : "not known",
               calibration.residual);
  }
  fmt::print("{:<13}{} read{}, {} pass{}, {:.2f} s", "", calibration.reads,
             calibration.reads == 1 ? "" : "s", calibration.passes,
             calibration.passes == 1 ? "" : "es", run.total_seconds);
  fmt::print("{}\n", run.read_seconds > 0.0
                         ? fmt::format(", of which {:.2f} s to read", run.read_seconds)
                         : "");
  if (calibration.held_out) {
    const HeldOutMetrics& held_out = *calibration.held_out;
    print_line("held out",
               fmt::format("{} rows, T {:.6g} of the others: nll {:.6f} before, {:.6f} after; ece "
                           "{:.4f} before, {:.4f} after",
                           format_count(held_out.rows), held_out.temperature, held_out.before.nll,
                           held_out.after.nll, held_out.before.ece, held_out.after.ece));
  }
  if (!run.model.empty()) {
    print_line("model", fmt::format("{}: predict --proba and evaluate are calibrated", run.model));
  }
  print_measured(calibration);
  fmt::print(
      "\nMetrics are of the rows that were fitted to; binned errors are above 0 even for\n"
      "perfectly calibrated scores. For an honest figure: --use on other rows{}.\n",
      run.can_hold_out ? ", or --valid-fraction" : "");
}

}  // namespace steepest::cli
