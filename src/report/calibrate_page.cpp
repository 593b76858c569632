// SPDX-License-Identifier: Apache-2.0
#include "src/report/calibrate_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

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

std::string verdict(const Calibration& calibration) {
  switch (calibration.status) {
    case CalibrationStatus::solved: {
      const double t = calibration.temperature;
      const char* why = t > 1.0   ? "the scores were too sure of themselves"
                        : t < 1.0 ? "the scores were not sure enough"
                                  : "the scores were right as they were";
      return fmt::format("The temperature {:.6g} is best (95 % interval {:.4g} to {:.4g}): {}.", t,
                         calibration.lower_temperature(), calibration.upper_temperature(), why);
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

void add_metrics(Page& page, const Calibration& calibration) {
  Table table;
  table.head = {"metric", "before", "after"};
  table.is_number = {false, true, true};
  const auto add = [&](const char* name, double CalibrationMetrics::*value) {
    table.rows.push_back({name, number_text(calibration.before.*value),
                          calibration.after ? number_text((*calibration.after).*value) : ""});
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
  page.note(
      "Of the rows the temperature was fitted to; binned errors are above 0 even for perfectly "
      "calibrated scores.");
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
    guide("2.5 %", calibration.lower_temperature());
    guide("97.5 %", calibration.upper_temperature());
  }
  return line_chart({{"temperature", "temperature", true}}, {{"nll", "negative log-likelihood"}},
                    series, guides);
}

}  // namespace

std::string calibrate_page(const Calibration& calibration, const std::string& source,
                           const RunFacts& facts) {
  Page page("Calibration of class scores",
            fmt::format("{}: {} rows, {} classes", source, count_text(calibration.rows),
                        count_text(calibration.classes)));
  page.lead(verdict(calibration), solved(calibration) ? "good" : "");
  add_metrics(page, calibration);
  const std::vector<ConfidenceBin> before = bins_of(calibration.before);
  page.section("Reliability");
  page.begin_charts();
  page.chart(fmt::format("Before: calibration error {:.4g}", calibration.before.ece),
             reliability_chart(before));
  if (calibration.after) {
    page.chart(fmt::format("After: calibration error {:.4g}", calibration.after->ece),
               reliability_chart(bins_of(*calibration.after)));
  }
  page.chart("Confidence", calibration.after ? confidence_chart(before, bins_of(*calibration.after))
                                             : confidence_chart(before));
  if (!calibration.curve.empty()) {
    page.chart("Likelihood against temperature", likelihood_chart(calibration));
  }
  page.end_charts();
  return page.html(facts);
}

}  // namespace steepest::report
