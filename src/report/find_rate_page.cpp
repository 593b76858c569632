// SPDX-License-Identifier: Apache-2.0
#include "src/report/find_rate_page.hpp"

#include <fmt/format.h>

#include <cmath>

namespace steepest::report {
namespace {

// What the suggestion is made from, where steps see batches.
Series evaluations_series(const std::vector<FindRatePoint>& evaluations) {
  std::vector<double> rates;
  std::vector<double> objectives;
  for (const FindRatePoint& point : evaluations) {
    rates.push_back(point.learning_rate);
    objectives.push_back(point.objective);
  }
  Series line;
  line.name = "objective on all rows";
  line.xs["rate"] = numbers(rates);
  line.ys["objective"] = numbers(objectives);
  line.more = {{"width", 2.5}};
  return line;
}

Json range_chart(const FindRateResult& result, bool full_batch) {
  std::vector<double> rates;
  std::vector<double> smoothed;
  std::vector<double> objectives;
  for (const FindRatePoint& point : result.points) {
    rates.push_back(point.learning_rate);
    smoothed.push_back(point.smoothed);
    objectives.push_back(point.objective);
  }
  Series line;
  line.name = full_batch ? "objective" : "smoothed objective of the batches";
  line.xs["rate"] = numbers(rates);
  line.ys["objective"] = numbers(smoothed);
  line.colour = full_batch ? 0 : 1;
  line.more = {{"mark", "none"}, {"width", full_batch ? 2.5 : 1.5}};
  std::vector<Series> series{line};
  if (!full_batch) {
    series.insert(series.begin(), evaluations_series(result.evaluations));
    Series raw;
    raw.name = "objective of each batch";
    raw.colour = -1;
    raw.xs["rate"] = numbers(rates);
    raw.ys["objective"] = numbers(objectives);
    raw.more = {{"mark", "none"}, {"width", 1}, {"hidden", result.points.size() > 5000}};
    series.push_back(raw);
  }
  std::vector<Guide> guides;
  if (std::isfinite(result.suggested)) {
    guides.push_back({'x', "suggested", {{"rate", number(result.suggested)}}});
  }
  guides.push_back({'x', "1/L", {{"rate", number(1.0 / result.batch_curvature)}}});
  guides.push_back({'x', "2/L", {{"rate", number(2.0 / result.batch_curvature)}}});
  return line_chart({{"rate", "learning rate", true}}, {{"objective", "objective", true}}, series,
                    guides);
}

}  // namespace

std::string find_rate_page(const FindRateResult& result, const std::string& data, std::int64_t rows,
                           const RunFacts& facts) {
  const bool found = std::isfinite(result.suggested);
  const bool full_batch = result.batch_size >= rows;
  const double bound = result.batch_curvature;
  Page page("Range test for a learning rate", fmt::format("{}: {} rows", data, count_text(rows)));
  page.lead(found ? fmt::format("The rate {:.4g} is suggested: there the objective fell fastest.",
                                result.suggested)
                  : std::string("No rate is suggested: the objective never fell."),
            found ? "good" : "bad");
  if (!result.points.empty()) {
    page.section("The test");
    page.begin_charts();
    page.chart("Objective against the rate", range_chart(result, full_batch),
               result.exploded ? "The last point is where the objective exploded."
                               : "The objective did not explode in this range.");
    page.end_charts();
  }
  page.section("What was run");
  page.facts(
      {{"objective", fmt::format("{} loss, l2 {:.4g}", result.loss, result.l2)},
       {"steps", full_batch ? fmt::format("{}, full batch", result.points.size())
                            : fmt::format("{} of batches of {} rows", result.points.size(),
                                          result.batch_size)},
       {"curvature", fmt::format("L = {:.6g} of what a step sees: 1/L = {:.6g} is safe, above "
                                 "2/L = {:.6g} gradient descent can diverge",
                                 bound, 1.0 / bound, 2.0 / bound)},
       {"precision", std::string(name(result.precision))}});
  return page.html(facts);
}

}  // namespace steepest::report
