// SPDX-License-Identifier: Apache-2.0
#include "src/report/reliability.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace steepest::report {
namespace {

std::vector<std::string> edges(const std::vector<ConfidenceBin>& bins) {
  std::vector<std::string> names;
  names.reserve(bins.size());
  for (const ConfidenceBin& bin : bins) {
    names.push_back(fmt::format("{:.2f}\xE2\x80\x93{:.2f}", bin.lower, bin.upper));
  }
  return names;
}

Series shares_of(const std::vector<ConfidenceBin>& bins, const std::string& name, int colour) {
  double total = 0.0;
  for (const ConfidenceBin& bin : bins) {
    total += bin.weight;
  }
  Series series;
  series.name = name;
  series.colour = colour;
  series.ys["y"] = Json::array();
  series.more["notes"] = Json::array();
  for (const ConfidenceBin& bin : bins) {
    series.ys["y"].push_back(number(total > 0.0 ? bin.weight / total : 0.0));
    series.more["notes"].push_back(fmt::format("{:.10g} rows", bin.weight));
  }
  return series;
}

}  // namespace

Json reliability_chart(const std::vector<ConfidenceBin>& bins) {
  Series accuracy;
  Series gap;
  Series diagonal;
  accuracy.name = "accuracy";
  gap.name = "gap to confidence";
  gap.colour = 1;
  gap.more["hollow"] = true;
  diagonal.name = "calibrated";
  diagonal.colour = -1;
  diagonal.more = {{"line", true}, {"dash", true}};
  for (Series* series : {&accuracy, &gap, &diagonal}) {
    series->ys["y"] = Json::array();
  }
  accuracy.more["notes"] = Json::array();
  for (const ConfidenceBin& bin : bins) {
    const bool empty = !(bin.weight > 0.0);
    accuracy.ys["y"].push_back(empty ? Json(nullptr) : number(bin.accuracy));
    gap.ys["y"].push_back(empty ? Json(nullptr)
                                : Json{number(std::min(bin.accuracy, bin.confidence)),
                                       number(std::max(bin.accuracy, bin.confidence))});
    diagonal.ys["y"].push_back(number(0.5 * (bin.lower + bin.upper)));
    accuracy.more["notes"].push_back(
        empty ? ""
              : fmt::format("{:.10g} rows, mean confidence {:.4g}", bin.weight, bin.confidence));
  }
  Json chart = bar_chart("confidence", {"y", "accuracy", false, 0.0, 1.0}, edges(bins),
                         {accuracy, gap, diagonal});
  chart["overlaid"] = true;
  return chart;
}

Json confidence_chart(const std::vector<ConfidenceBin>& bins) {
  return bar_chart("confidence", {"y", "share of rows"}, edges(bins), {shares_of(bins, "rows", 0)});
}

Json confidence_chart(const std::vector<ConfidenceBin>& before,
                      const std::vector<ConfidenceBin>& after) {
  Json chart = bar_chart("confidence", {"y", "share of rows"}, edges(before),
                         {shares_of(before, "before", 1), shares_of(after, "after", 0)});
  chart["narrow"] = true;
  return chart;
}

}  // namespace steepest::report
