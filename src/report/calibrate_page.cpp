// SPDX-License-Identifier: Apache-2.0
#include "src/report/calibrate_page.hpp"

#include <fmt/format.h>

#include <utility>

#include "src/report/calibrate_parameters.hpp"
#include "src/report/reliability.hpp"

namespace steepest::report {
namespace {

bool solved(const Calibration& calibration) {
  return calibration.status == CalibrationStatus::solved;
}

std::vector<ConfidenceBin> bins_of(const CalibrationMetrics& metrics) {
  std::vector<ConfidenceBin> bins;
  for (const ReliabilityBin& bin : metrics.bins) {
    bins.push_back(
        {bin.lower, bin.upper, static_cast<double>(bin.count), bin.confidence, bin.accuracy});
  }
  return bins;
}

std::string temperature_verdict(const Calibration& calibration) {
  switch (calibration.status) {
    case CalibrationStatus::solved: {
      const double t = calibration.temperature;
      const char* why = t > 1.0   ? "the scores were too sure of themselves"
                        : t < 1.0 ? "the scores were not sure enough"
                                  : "the scores were right as they were";
      return fmt::format("The temperature {:.6g} is best ({}): {}.", t,
                         calibration.has_interval() ? fmt::format("95 % interval {:.4g} to {:.4g}",
                                                                  calibration.lower_temperature(),
                                                                  calibration.upper_temperature())
                                                    : "its interval is not known",
                         why);
    }
    case CalibrationStatus::zero:
      return "No temperature above 0 is best: every label has its row's largest score.";
    case CalibrationStatus::infinite:
      return "No finite temperature is best: labels score no better than classes at random.";
    case CalibrationStatus::undetermined:
      break;
  }
  return "Every row is constant: all temperatures are equally good.";
}

// What came of it, in numbers.
std::string gain(const Calibration& calibration) {
  return fmt::format(
      "negative log-likelihood {:.6g} before, {:.6g} after; calibration error "
      "{:.4g} before, {:.4g} after",
      calibration.before.nll, calibration.after->nll, calibration.before.ece,
      calibration.after->ece);
}

std::string verdict(const CalibratePage& given) {
  const Calibration& calibration = given.calibration;
  if (!given.used.empty()) {
    return fmt::format("{} was put on these rows: {}.", given.used, gain(calibration));
  }
  if (given.affine != nullptr) {
    const AffineCalibration& affine = *given.affine;
    return fmt::format(
        "A {}, {}: {}. The best temperature alone is {:.6g}, with a negative "
        "log-likelihood of {:.6g}.{}",
        name(affine.scaling.method),
        affine.scaling.method == ScalingMethod::vector
            ? "a factor and an intercept a class"
            : "each score made out of all, and intercepts",
        gain(calibration), affine.temperature.temperature, affine.temperature.after->nll,
        affine.held_out && affine.held_out->overfits()
            ? " On rows held out it is worse than the temperature: it overfits."
            : "");
  }
  if (given.groups != nullptr) {
    return fmt::format(
        "A temperature for each of {} groups: {}. One temperature for all is {:.6g}, "
        "with a negative log-likelihood of {:.6g}.",
        count_text(static_cast<std::int64_t>(given.groups->groups.size())), gain(calibration),
        given.groups->all.temperature, given.groups->all.after->nll);
  }
  return temperature_verdict(calibration);
}

// "good" where something was found that helps.
const char* mood(const CalibratePage& given) {
  const Calibration& calibration = given.calibration;
  const bool overfits =
      given.affine != nullptr && given.affine->held_out && given.affine->held_out->overfits();
  const bool helps = calibration.after && calibration.after->nll < calibration.before.nll;
  return overfits ? "bad" : solved(calibration) && helps ? "good" : "";
}

std::string method_text(const CalibratePage& given) {
  if (given.scaling != nullptr && given.scaling->method != ScalingMethod::temperature) {
    return std::string(name(given.scaling->method));
  }
  return given.groups != nullptr || given.used_groups ? "temperature, by group" : "temperature";
}

// A column of metrics.
struct Measured {
  std::string head;
  const CalibrationMetrics* metrics;
};

void add_metrics(Page& page, const CalibratePage& given) {
  const Calibration& calibration = given.calibration;
  std::vector<Measured> columns{{"before", &calibration.before}};
  if (given.affine != nullptr) {
    columns.push_back({"by temperature", &*given.affine->temperature.after});
    columns.push_back(
        {fmt::format("by {}", name(given.affine->scaling.method)), &given.affine->after});
  } else if (given.groups != nullptr) {
    columns.push_back({"by one temperature", &*given.groups->all.after});
    columns.push_back({"by group", &given.groups->after});
  } else if (calibration.after) {
    columns.push_back({"after", &*calibration.after});
  }
  if (calibration.held_out) {
    columns.push_back({"held out, before", &calibration.held_out->before});
    columns.push_back({"held out, after", &calibration.held_out->after});
  }
  Table table;
  table.head = {"metric"};
  table.is_number = {false};
  for (const Measured& column : columns) {
    table.head.push_back(column.head);
    table.is_number.push_back(true);
  }
  const auto add = [&](const char* label, double CalibrationMetrics::*value) {
    std::vector<std::string> row{label};
    for (const Measured& column : columns) {
      row.push_back(number_text(column.metrics->*value));
    }
    table.rows.push_back(std::move(row));
  };
  add("negative log-likelihood", &CalibrationMetrics::nll);
  add("expected calibration error, 15 equal bins", &CalibrationMetrics::ece);
  add("the same, bins of equal counts", &CalibrationMetrics::ece_equal_mass);
  add("largest gap of a bin", &CalibrationMetrics::mce);
  add("Brier score", &CalibrationMetrics::brier);
  add("accuracy", &CalibrationMetrics::accuracy);
  add("mean confidence", &CalibrationMetrics::confidence);
  page.section("Before and after");
  page.table(table);
  if (calibration.held_out) {
    page.note(fmt::format("Held out: {} rows, at the temperature {:.6g} of the other rows.",
                          count_text(calibration.held_out->rows),
                          calibration.held_out->temperature));
  }
  page.note(
      given.used.empty()
          ? "Of the rows that were fitted to, but where it says otherwise; binned errors are above "
            "0 even for perfectly calibrated scores."
          : "Honest where nothing was fitted to these rows; binned errors are above 0 even for "
            "perfectly calibrated scores.");
}

Json likelihood_chart(const Calibration& calibration) {
  Series line;
  line.name = "negative log-likelihood";
  line.more["mark"] = "none";
  line.xs["temperature"] = Json::array();
  line.ys["nll"] = Json::array();
  for (const NllPoint& point : calibration.curve) {
    line.xs["temperature"].push_back(number(point.temperature));
    line.ys["nll"].push_back(number(point.nll));
  }
  std::vector<Series> series{line};
  std::vector<Guide> guides{{'x', "T = 1", {{"temperature", 1}}}};
  if (solved(calibration)) {
    const auto guide = [&](const std::string& label, double at) {
      guides.push_back({'x', label, {{"temperature", number(at)}}});
    };
    guide(fmt::format("T = {:.4g}", calibration.temperature), calibration.temperature);
    if (calibration.has_interval()) {
      guide("2.5 %", calibration.lower_temperature());
      guide("97.5 %", calibration.upper_temperature());
    }
  }
  return line_chart({{"temperature", "temperature", true}}, {{"nll", "negative log-likelihood"}},
                    series, guides);
}

}  // namespace

std::string calibrate_page(const CalibratePage& given, const RunFacts& facts) {
  const Calibration& calibration = given.calibration;
  Page page("Calibration of class scores",
            fmt::format("{}: {} row{}, {} classes; method: {}", given.source,
                        count_text(calibration.rows), calibration.rows == 1 ? "" : "s",
                        count_text(calibration.classes), method_text(given)));
  page.lead(verdict(given), mood(given));
  add_metrics(page, given);
  const std::vector<ConfidenceBin> before = bins_of(calibration.before);
  page.section("Reliability");
  page.begin_charts();
  page.chart(fmt::format("Before: calibration error {:.4g}", calibration.before.ece),
             reliability_chart(before));
  if (calibration.after) {
    page.chart(fmt::format("After, by {}: calibration error {:.4g}", method_text(given),
                           calibration.after->ece),
               reliability_chart(bins_of(*calibration.after)));
  }
  page.chart("Confidence", calibration.after ? confidence_chart(before, bins_of(*calibration.after))
                                             : confidence_chart(before));
  const bool one_temperature = method_text(given) == name(ScalingMethod::temperature);
  if (one_temperature && !calibration.curve.empty()) {
    page.chart("Likelihood against temperature", likelihood_chart(calibration));
  }
  if (given.groups != nullptr) {
    add_group_chart(page, *given.groups);
  }
  page.end_charts();
  if (given.groups != nullptr) {
    add_groups(page, *given.groups);
  }
  if (given.scaling != nullptr) {
    add_scaling(page, *given.scaling, given.classes, calibration.beta);
  }
  if (given.affine != nullptr) {
    add_held_out(page, *given.affine);
  }
  return page.html(facts);
}

}  // namespace steepest::report
