// SPDX-License-Identifier: Apache-2.0
#include "src/report/calibrate_parameters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace steepest::report {
namespace {

// More than these are not read: those that stand out are shown.
constexpr std::int64_t most_listed = 40;
constexpr std::int64_t most_in_matrix = 20;

std::string class_name(const std::vector<std::string>& classes, std::int64_t k) {
  return k < static_cast<std::int64_t>(classes.size()) ? classes[static_cast<std::size_t>(k)]
                                                       : fmt::format("{}", k);
}

// The `most` indexes with the largest weights, in ascending order.
std::vector<std::int64_t> largest(std::int64_t count, std::int64_t most,
                                  const std::vector<double>& weights) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return weights[static_cast<std::size_t>(a)] > weights[static_cast<std::size_t>(b)];
  });
  order.resize(static_cast<std::size_t>(std::min(count, most)));
  std::sort(order.begin(), order.end());
  return order;
}

void add_vector(Page& page, const ScoreScaling& scaling, const std::vector<std::string>& classes,
                double beta) {
  const auto count = static_cast<std::int64_t>(scaling.intercept.size());
  std::vector<double> weights;
  for (std::size_t k = 0; k < scaling.intercept.size(); ++k) {
    weights.push_back(std::fabs(scaling.factors[k] / (beta > 0.0 ? beta : 1.0) - 1.0) +
                      std::fabs(scaling.intercept[k]));
  }
  Table table;
  table.caption =
      count > most_listed
          ? fmt::format("The {} of {} classes that change most", most_listed, count_text(count))
          : "Each class's score becomes factor times score plus intercept";
  table.head = {"class", "factor", "as a temperature", "intercept"};
  table.is_number = {false, true, true, true};
  for (const std::int64_t k : largest(count, most_listed, weights)) {
    const auto at = static_cast<std::size_t>(k);
    const double factor = scaling.factors[at];
    table.rows.push_back({class_name(classes, k), number_text(factor),
                          factor > 0.0 ? number_text(1.0 / factor) : "none: not above 0",
                          number_text(scaling.intercept[at])});
  }
  page.table(table);
}

void add_matrix(Page& page, const ScoreScaling& scaling, const std::vector<std::string>& classes) {
  const auto count = static_cast<std::int64_t>(scaling.intercept.size());
  std::vector<double> weights(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t j = 0; j < count; ++j) {
      const double value = i == j ? 0.0 : scaling.factors[static_cast<std::size_t>(i * count + j)];
      weights[static_cast<std::size_t>(i)] += std::fabs(value);
      weights[static_cast<std::size_t>(j)] += std::fabs(value);
    }
  }
  const std::vector<std::int64_t> shown = largest(count, most_in_matrix, weights);
  std::vector<std::string> rows;
  std::vector<double> values;
  for (const std::int64_t i : shown) {
    rows.push_back(class_name(classes, i));
    for (const std::int64_t j : shown) {
      values.push_back(scaling.factors[static_cast<std::size_t>(i * count + j)]);
    }
    values.push_back(scaling.intercept[static_cast<std::size_t>(i)]);
  }
  std::vector<std::string> columns = rows;
  columns.emplace_back("intercept");
  page.signed_table(
      count > most_in_matrix
          ? fmt::format("The {} of {} classes that lean most on others: a row makes a class's "
                        "score out of the scores of the columns",
                        most_in_matrix, count_text(count))
          : "A row makes a class's score out of the scores of the columns",
      rows, columns, values);
}

std::string interval_text(const Calibration& own) {
  return own.has_interval()
             ? fmt::format("{:.4g} to {:.4g}", own.lower_temperature(), own.upper_temperature())
             : "not known";
}

// Those that are listed, in the order of their names.
std::vector<const GroupTemperature*> largest_groups(const GroupCalibration& groups) {
  std::vector<double> sizes;
  for (const GroupTemperature& group : groups.groups) {
    sizes.push_back(static_cast<double>(group.calibration.rows));
  }
  std::vector<const GroupTemperature*> found;
  for (const std::int64_t g :
       largest(static_cast<std::int64_t>(sizes.size()), most_listed, sizes)) {
    found.push_back(&groups.groups[static_cast<std::size_t>(g)]);
  }
  return found;
}

std::vector<std::string> group_row(const GroupTemperature& group) {
  const Calibration& own = group.calibration;
  std::vector<std::string> row{group.name, count_text(own.rows), std::string(name(own.status))};
  if (own.rows == 0) {
    row.back() = "no rows";
    row.resize(9);
    return row;
  }
  const bool solved = own.status == CalibrationStatus::solved;
  row.push_back(solved ? number_text(own.temperature) : "that of all rows");
  row.push_back(solved ? interval_text(own) : "");
  row.push_back(number_text(own.before.nll));
  row.push_back(solved ? number_text(own.after->nll) : "");
  row.push_back(number_text(own.before.ece));
  row.push_back(solved ? number_text(own.after->ece) : "");
  return row;
}

// The temperature is where the two halves of a bar meet.
Json temperatures_chart(const std::vector<const GroupTemperature*>& groups, double all) {
  Series below;
  Series above;
  Series pooled;
  below.name = "2.5 % to T";
  above.name = "T to 97.5 %";
  above.colour = 6;
  above.more["hollow"] = true;
  pooled.name = "T of all rows";
  pooled.colour = -1;
  pooled.more = {{"line", true}, {"dash", true}};
  below.more["notes"] = Json::array();
  for (Series* const series : {&below, &above, &pooled}) {
    series->ys["y"] = Json::array();
  }
  std::vector<std::string> names;
  for (const GroupTemperature* const group : groups) {
    const Calibration& found = group->calibration;
    if (!found.has_interval()) {
      continue;
    }
    const double t = found.temperature;
    names.push_back(group->name);
    below.ys["y"].push_back(Json{number(found.lower_temperature()), number(t)});
    above.ys["y"].push_back(Json{number(t), number(found.upper_temperature())});
    below.more["notes"].push_back(fmt::format("{} rows", count_text(found.rows)));
    pooled.ys["y"].push_back(number(all));
  }
  Json chart = bar_chart("group", {"y", "temperature"}, names, {below, above, pooled});
  chart["narrow"] = true;
  chart["overlaid"] = true;
  return chart;
}

}  // namespace

void add_scaling(Page& page, const ScoreScaling& scaling, const std::vector<std::string>& classes,
                 double beta) {
  if (scaling.method == ScalingMethod::temperature) {
    return;
  }
  page.section(fmt::format("The {}", name(scaling.method)));
  if (scaling.method == ScalingMethod::vector) {
    add_vector(page, scaling, classes, beta);
  } else {
    add_matrix(page, scaling, classes);
  }
}

void add_held_out(Page& page, const AffineCalibration& affine) {
  if (!affine.held_out) {
    page.note(fmt::format("The penalty, {:g}, was given: no rows were held out.", affine.penalty));
    return;
  }
  const HeldOutNll& nll = *affine.held_out;
  const auto method = std::string(name(affine.scaling.method));
  page.section("On rows held out");
  Table table;
  table.caption = fmt::format(
      "Negative log-likelihood of {} rows that none of these were fitted to", count_text(nll.rows));
  table.head = {"by", "negative log-likelihood"};
  table.is_number = {false, true};
  table.rows = {{"the scores as they are", number_text(nll.before)},
                {"a temperature", number_text(nll.temperature)}};
  for (const PenaltyTrial& trial : affine.trials) {
    table.rows.push_back({fmt::format("a {}, penalty {:g}{}{}", method, trial.penalty,
                                      trial.penalty == affine.penalty ? ": the one chosen" : "",
                                      trial.converged ? "" : " (stopped early)"),
                          number_text(trial.nll)});
  }
  page.table(table);
}

void add_group_chart(Page& page, const GroupCalibration& groups) {
  const bool any =
      std::any_of(groups.groups.begin(), groups.groups.end(),
                  [](const GroupTemperature& group) { return group.calibration.has_interval(); });
  if (any) {
    page.chart("Temperatures by group",
               temperatures_chart(largest_groups(groups), groups.all.temperature));
  }
}

void add_groups(Page& page, const GroupCalibration& groups) {
  const auto count = static_cast<std::int64_t>(groups.groups.size());
  Table table;
  table.caption = count > most_listed
                      ? fmt::format("The {} largest of {} groups", most_listed, count_text(count))
                      : "";
  table.head = {"group",      "rows",      "status",     "temperature", "95 % interval",
                "NLL before", "NLL after", "ECE before", "ECE after"};
  table.is_number = {false, true, false, true, true, true, true, true, true};
  for (const GroupTemperature* const group : largest_groups(groups)) {
    table.rows.push_back(group_row(*group));
  }
  const Calibration& all = groups.all;
  table.rows.push_back(
      {"all rows, one temperature", count_text(all.rows), std::string(name(all.status)),
       number_text(all.temperature), interval_text(all), number_text(all.before.nll),
       number_text(all.after->nll), number_text(all.before.ece), number_text(all.after->ece)});
  table.rows.push_back({"all rows, by group", count_text(all.rows), "", "", "",
                        number_text(all.before.nll), number_text(groups.after.nll),
                        number_text(all.before.ece), number_text(groups.after.ece)});
  page.section("Groups");
  page.table(table);
}

}  // namespace steepest::report
