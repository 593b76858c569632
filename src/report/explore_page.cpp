// SPDX-License-Identifier: Apache-2.0
#include "src/report/explore_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "src/report/contours.hpp"

namespace steepest::report {
namespace {

constexpr std::size_t most_steps = 400;  // of a path

// The steps worth drawing, in order.
std::vector<const TraceStep*> drawn(const Exploration& run) {
  std::vector<const TraceStep*> steps;
  for (const TraceStep& step : run.trace) {
    if (step.accepted) {
      steps.push_back(&step);
    }
  }
  std::vector<const TraceStep*> chosen;
  for (const std::size_t i : thinned(steps.size(), most_steps)) {
    chosen.push_back(steps[i]);
  }
  return chosen;
}

// What the path, its target and some room around them span on an axis.
Interval span_of(const Exploration& run, const std::vector<const TraceStep*>& path,
                 std::size_t axis) {
  constexpr double room = 0.18;
  double low = path.front()->at[axis];
  double high = low;
  const auto add = [&](const Point& at) {
    low = std::min(low, at[axis]);
    high = std::max(high, at[axis]);
  };
  for (const TraceStep* step : path) {
    add(step->at);
  }
  if (run.target) {
    add(run.target->at);
  }
  const double width = high > low ? high - low : 2.0 * std::max(1.0, std::fabs(low));
  return {low - room * width, high + room * width};
}

std::string note_of(const TraceStep& step) {
  std::string text = fmt::format("step {}", step.step);
  if (step.gradient.size() == 1) {
    text += fmt::format(", slope {:.5g}", step.gradient[0]);
  }
  return text;
}

Series curve_of(const ExploreSetting& setting, const Interval& span) {
  constexpr int points = 400;
  Series curve;
  curve.name = "f";
  curve.xs["x"] = Json::array();
  curve.ys["f"] = Json::array();
  for (int i = 0; i <= points; ++i) {
    const double x = span.low + (span.high - span.low) * i / points;
    curve.xs["x"].push_back(number(x));
    curve.ys["f"].push_back(number(setting.function({x})));
  }
  curve.more = {{"mark", "none"}, {"quiet", true}, {"width", 2.5}};
  return curve;
}

// Pieces of the tangents at the first steps, with gaps between them.
Series tangents_of(const std::vector<const TraceStep*>& path, const Interval& span) {
  constexpr std::size_t most = 4;
  constexpr double reach = 0.11;  // of the width, to each side
  Series lines;
  lines.name = "tangents at the first steps";
  lines.colour = 2;
  lines.xs["x"] = Json::array();
  lines.ys["f"] = Json::array();
  for (std::size_t k = 0; k < std::min(most, path.size()); ++k) {
    const TraceStep& step = *path[k];
    if (step.gradient.size() != 1) {
      continue;
    }
    for (const double side : {-reach, reach}) {
      const double move = side * (span.high - span.low);
      lines.xs["x"].push_back(number(step.at[0] + move));
      lines.ys["f"].push_back(number(step.value + step.gradient[0] * move));
    }
    lines.xs["x"].push_back(nullptr);
    lines.ys["f"].push_back(nullptr);
  }
  lines.more = {{"mark", "none"}, {"quiet", true}, {"over", true}};
  return lines;
}

Series path_of(const std::vector<const TraceStep*>& path, bool plane) {
  Series series;
  series.name = "path";
  series.colour = 1;
  const char* const y = plane ? "y" : "f";
  series.xs["x"] = Json::array();
  series.ys[y] = Json::array();
  series.more = {{"width", 1.5}, {"notes", Json::array()}, {"dash", !plane}, {"mark", "dots"}};
  for (const TraceStep* step : path) {
    series.xs["x"].push_back(number(step->at[0]));
    series.ys[y].push_back(number(plane ? step->at[1] : step->value));
    series.more["notes"].push_back(
        plane ? fmt::format("{}, f = {:.6g}", note_of(*step), step->value) : note_of(*step));
  }
  return series;
}

Series marked(const Exploration& run, bool plane) {
  Series series;
  series.name = run.options.maximize ? "maximum" : "minimum";
  series.colour = 3;
  series.xs["x"] = {number(run.target->at[0])};
  series.ys[plane ? "y" : "f"] = {number(plane ? run.target->at[1] : run.target->value)};
  series.more = {{"line", false}, {"mark", "square"}, {"over", true}};
  return series;
}

Json line_picture(const Exploration& run, const ExploreSetting& setting) {
  const std::vector<const TraceStep*> path = drawn(run);
  const Interval span = span_of(run, path, 0);
  std::vector<Series> series{curve_of(setting, span), path_of(path, false)};
  const Series tangents = tangents_of(path, span);
  if (!tangents.xs["x"].empty()) {
    series.push_back(tangents);
  }
  if (run.target) {
    series.push_back(marked(run, false));
  }
  return line_chart({{"x", setting.variables[0], false, span.low, span.high}}, {{"f", "f"}},
                    series);
}

Grid grid_of(const ExploreSetting& setting, const Interval& x, const Interval& y) {
  constexpr std::size_t points = 81;
  Grid grid{x.low, x.high, y.low, y.high, points, points, {}};
  for (std::size_t row = 0; row < points; ++row) {
    for (std::size_t column = 0; column < points; ++column) {
      grid.values.push_back(setting.function({grid.x(column), grid.y(row)}));
    }
  }
  return grid;
}

Json plane_picture(const Exploration& run, const ExploreSetting& setting) {
  constexpr std::size_t levels = 14;
  const std::vector<const TraceStep*> path = drawn(run);
  const Interval x = span_of(run, path, 0);
  const Interval y = span_of(run, path, 1);
  const Grid grid = grid_of(setting, x, y);
  std::vector<Series> series;
  for (const double level : contour_levels(grid, levels)) {
    Series line;
    line.name = series.empty() ? "contours" : "";
    line.colour = 0;
    line.xs["x"] = Json::array();
    line.ys["y"] = Json::array();
    const auto add = [&line](const Json& at_x, const Json& at_y) {
      line.xs["x"].push_back(at_x);
      line.ys["y"].push_back(at_y);
    };
    for (const auto& [from, to] : contour(grid, level)) {
      add(number(from.first), number(from.second));
      add(number(to.first), number(to.second));
      add(nullptr, nullptr);
    }
    line.more = {
        {"mark", "none"}, {"quiet", true}, {"width", 1}, {"faded", true}, {"with", "contours"}};
    series.push_back(std::move(line));
  }
  series.push_back(path_of(path, true));
  if (run.target) {
    series.push_back(marked(run, true));
  }
  Json chart = line_chart({{"x", setting.variables[0], false, x.low, x.high}},
                          {{"y", setting.variables[1], false, y.low, y.high}}, series);
  chart["height"] = 460;
  return chart;
}

Json value_chart(const Exploration& run) {
  Series series;
  series.name = "f";
  std::vector<double> steps;
  std::vector<double> values;
  std::vector<double> above;
  std::vector<double> slopes;
  const double sign = run.options.maximize ? -1.0 : 1.0;
  for (const TraceStep* step : drawn(run)) {
    steps.push_back(static_cast<double>(step->step));
    values.push_back(step->value);
    above.push_back(run.target ? std::max(0.0, sign * (step->value - run.target->value)) : 0.0);
    double slope = 0.0;
    for (const double part : step->gradient) {
      slope = std::max(slope, std::fabs(part));
    }
    slopes.push_back(slope);
  }
  series.xs["step"] = numbers(steps);
  series.ys["f"] = numbers(values);
  std::vector<Axis> axes{{"f", "f"}};
  if (run.target) {
    series.ys["above"] = numbers(above);
    axes.push_back(
        {"above",
         run.options.maximize ? "distance below the maximum" : "f \xE2\x88\x92 the minimum", true});
  }
  if (!run.trace.front().gradient.empty()) {
    series.ys["slope"] = numbers(slopes);
    axes.push_back({"slope", "largest derivative", true});
  }
  return line_chart({{"step", "step"}}, axes, {series});
}

std::string bounds_text(const Exploration& run) {
  if (!run.gradient_bound) {
    return "not known";
  }
  std::string text = fmt::format("2/L = {:.6g}", *run.gradient_bound);
  if (run.stability_bound && *run.stability_bound != *run.gradient_bound) {
    text += fmt::format("; with {} {:.6g}", to_string(run.options.rule), *run.stability_bound);
  }
  return text;
}

}  // namespace

std::string explore_page(const Exploration& run, const ExploreSetting& setting,
                         const RunFacts& facts) {
  const bool plane = setting.variables.size() == 2;
  Page page(fmt::format("f = {}", setting.expression),
            fmt::format("{}, {} steps", name(run.options.method), run.trace.back().step));
  page.lead(setting.verdict, run.behaviour == Behaviour::lands      ? "good"
                             : run.behaviour == Behaviour::diverges ? "bad"
                                                                    : "");
  page.section("The path");
  page.begin_charts();
  page.chart(plane ? "The path over the contours" : "The path on the curve",
             plane ? plane_picture(run, setting) : line_picture(run, setting));
  page.chart("f, step by step", value_chart(run));
  page.end_charts();
  page.section("What was run");
  page.facts({{"method", std::string(name(run.options.method))},
              {"learning rate", number_text(run.options.learning_rate)},
              {"result", run.termination.inequality},
              {"stable below", bounds_text(run)}});
  return page.html(facts);
}

}  // namespace steepest::report
