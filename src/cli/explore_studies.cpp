// SPDX-License-Identifier: Apache-2.0
// Reports of explore that are no descent: restarts, critical points, scans, derivatives.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "src/cli/explore_report.hpp"
#include "src/cli/function_plot.hpp"

namespace steepest::cli {
namespace {

void print_function(const ExploreView& view) {
  print_line("function", fmt::format("{} = {}", value_name(view), view.expression.text()));
}

std::vector<Cell> place_cells(const ExploreView& view, const Point& at) {
  std::vector<Cell> cells;
  for (std::size_t i = 0; i < at.size(); ++i) {
    cells.push_back({view.expression.variables()[i] + " = ", fixed(at[i], view.digits)});
  }
  return cells;
}

std::string kind_text(const CriticalPoint& point) {
  return fmt::format("{}{}", name(point.kind), point.smooth ? "" : " (a kink: f' jumps here)");
}

std::vector<Cell> critical_row(const ExploreView& view, const CriticalPoint& point) {
  std::vector<Cell> row{{"", kind_text(point)}};
  for (Cell& cell : place_cells(view, point.at)) {
    row.push_back(std::move(cell));
  }
  row.push_back({value_name(view) + " = ", fixed(point.value, view.digits)});
  const bool one = point.at.size() == 1;
  for (std::size_t i = 0; i < point.curvatures.size(); ++i) {
    row.push_back({one      ? "f'' = "
                   : i == 0 ? "curvatures "
                            : "",
                   fixed(point.curvatures[i], view.digits)});
  }
  return row;
}

std::string scientific(double value) {
  return std::isfinite(value) ? fmt::format("{:.2e}", value) : "undefined";
}

std::string long_number(double value) {
  return std::isfinite(value) ? fmt::format("{:.12f}", value) : "undefined";
}

// The h with the smallest error.
template <class ErrorOf>
double best_step(const DerivativeStudy& study, ErrorOf&& error_of) {
  const auto least = [&](const DifferenceRow& a, const DifferenceRow& b) {
    const double x = error_of(a);
    const double y = error_of(b);
    return std::isfinite(x) && (!std::isfinite(y) || x < y);
  };
  return std::min_element(study.rows.begin(), study.rows.end(), least)->h;
}

double best_forward(const DerivativeStudy& study) {
  return best_step(study, [](const DifferenceRow& row) { return row.forward_error; });
}

double best_central(const DerivativeStudy& study) {
  return best_step(study, [](const DifferenceRow& row) { return row.central_error; });
}

std::string derivative_name(const ExploreView& view, std::size_t axis) {
  return view.expression.dimension() == 1
             ? std::string("f'(x)")
             : fmt::format("df/d{}", view.expression.variables()[axis]);
}

void print_study(const ExploreView& view, const DerivativeStudy& study, std::size_t axis) {
  fmt::print("\n  {:>7}  {:>20}  {:>9}  {:>20}  {:>9}\n", "h", "forward", "error", "central",
             "error");
  for (const DifferenceRow& row : study.rows) {
    fmt::print("  {:>7.0e}  {:>20}  {:>9}  {:>20}  {:>9}\n", row.h, long_number(row.forward),
               scientific(row.forward_error), long_number(row.central),
               scientific(row.central_error));
  }
  fmt::print("\n");
  print_line("best h",
             fmt::format("{} forward {:.0e}, central {:.0e}: a larger h errs by truncation, as h "
                         "and as h^2; a smaller one by rounding, as 1/h",
                         derivative_name(view, axis), best_forward(study), best_central(study)));
}

}  // namespace

void print_restarts(const ExploreView& view, const Restarts& restarts) {
  constexpr std::size_t shown = 20;
  print_function(view);
  fmt::print("\n");
  std::vector<std::vector<Cell>> rows;
  for (std::size_t i = 0; i < std::min(shown, restarts.runs.size()); ++i) {
    const RestartRun& run = restarts.runs[i];
    std::vector<Cell> row{{"", fmt::format("Start {}", i + 1)}};
    for (Cell& cell : place_cells(view, run.start)) {
      row.push_back(std::move(cell));
    }
    row.push_back({"steps ", fmt::format("{}", run.steps)});
    for (Cell& cell : place_cells(view, run.end)) {
      row.push_back(std::move(cell));
    }
    row.push_back({value_name(view) + " = ", fixed(run.value, view.digits)});
    row.push_back({"", std::string(name(run.behaviour))});
    rows.push_back(std::move(row));
  }
  if (restarts.runs.size() > shown) {
    rows.push_back({{fmt::format("... {} more", restarts.runs.size() - shown), ""}});
  }
  fmt::print("{}\n", aligned(rows));
  const char* what = view.maximize ? "maximum" : "minimum";
  if (restarts.minima.empty()) {
    print_line("verdict", fmt::format("no start landed in a {}", what));
    return;
  }
  std::vector<std::vector<Cell>> minima;
  for (const CriticalPoint& point : restarts.minima) {
    minima.push_back(critical_row(view, point));
  }
  fmt::print("{}\n", aligned(minima));
  const CriticalPoint& best = restarts.minima.front();
  print_line("verdict", fmt::format("{} distinct {} from {} starts; the best is {}, {} = {}",
                                    restarts.minima.size(), view.maximize ? "maxima" : "minima",
                                    restarts.runs.size(), place_text(view, best.at),
                                    value_name(view), fixed(best.value, view.digits)));
}

Json restarts_json(const ExploreView& view, const Restarts& restarts) {
  Json json = explore_json(view, "restarts");
  json["maximize"] = view.maximize;
  json["runs"] = Json::array();
  for (const RestartRun& run : restarts.runs) {
    json["runs"].push_back({{"start", run.start},
                            {"end", {{"point", run.end}, {"value", run.value}}},
                            {"steps", run.steps},
                            {"verdict", name(run.behaviour)}});
  }
  json["minima"] = Json::array();
  for (const CriticalPoint& point : restarts.minima) {
    json["minima"].push_back(to_json(point));
  }
  json["undefined_starts"] = restarts.undefined_starts;
  return json;
}

void print_critical(const ExploreView& view, const std::vector<CriticalPoint>& points) {
  constexpr std::size_t shown = 40;
  print_function(view);
  if (points.empty()) {
    print_line("critical", "no point where the derivative is zero");
    return;
  }
  std::vector<std::vector<Cell>> rows;
  for (std::size_t i = 0; i < std::min(shown, points.size()); ++i) {
    rows.push_back(critical_row(view, points[i]));
  }
  if (points.size() > shown) {
    rows.push_back({{fmt::format("... {} more: see --json", points.size() - shown), ""}});
  }
  fmt::print("\n{}\n", aligned(rows));
  const bool inconclusive = std::any_of(points.begin(), points.end(), [](const auto& point) {
    return point.kind == CriticalKind::inconclusive;
  });
  if (inconclusive) {
    print_line(
        "note",
        fmt::format("inconclusive: a second derivative is 0 or does not exist; it can be a "
                    "minimum, a maximum or neither{}",
                    points.size() > shown ? "; points of a line or plane are samples of it" : ""));
  }
}

Json critical_json(const ExploreView& view, const std::vector<CriticalPoint>& points) {
  Json json = explore_json(view, "critical");
  json["points"] = Json::array();
  for (const CriticalPoint& point : points) {
    json["points"].push_back(to_json(point));
  }
  return json;
}

void print_scan(const ExploreView& view, const ScanResult& result) {
  print_function(view);
  print_line(
      "grid",
      fmt::format(
          "{} points{}; the {} is {}, {} = {}", result.evaluated,
          result.undefined > 0 ? fmt::format(", {} of them undefined", result.undefined) : "",
          view.maximize ? "highest" : "lowest", place_text(view, result.grid_point),
          value_name(view), fixed(result.grid_value, view.digits)));
  print_line(view.maximize ? "maximum" : "minimum",
             fmt::format("{}, {} = {}{}", place_text(view, result.at), value_name(view),
                         fixed(result.value, view.digits),
                         result.on_edge ? ", at the edge of the interval" : ""));
  if (result.discontinuous) {
    print_line("note", fmt::format("f jumps there or {} without end: there may be no {}",
                                   view.maximize ? "rises" : "falls",
                                   view.maximize ? "maximum" : "minimum"));
  }
}

Json scan_json(const ExploreView& view, const ScanResult& result) {
  Json json = explore_json(view, "scan");
  json["maximize"] = view.maximize;
  json["grid"] = {{"points", result.evaluated},
                  {"undefined", result.undefined},
                  {"point", result.grid_point},
                  {"value", result.grid_value}};
  json["point"] = result.at;
  json["value"] = result.value;
  json["on_edge"] = result.on_edge;
  json["discontinuous"] = result.discontinuous;
  return json;
}

void print_studies(const ExploreView& view, const Point& at,
                   const std::vector<DerivativeStudy>& studies) {
  print_function(view);
  if (studies.size() == 1) {
    print_line("derivative", fmt::format("f'(x) = {} at {}, error about {:.0e}",
                                         fixed(studies[0].best.value, view.digits),
                                         place_text(view, at), studies[0].best.error));
  } else {
    std::string values;
    for (const DerivativeStudy& study : studies) {
      values += (values.empty() ? "" : ", ") + fixed(study.best.value, view.digits);
    }
    print_line("derivative", fmt::format("gradient = ({}) at {}", values, place_text(view, at)));
  }
  for (std::size_t axis = 0; axis < studies.size(); ++axis) {
    print_study(view, studies[axis], axis);
  }
}

Json studies_json(const ExploreView& view, const Point& at,
                  const std::vector<DerivativeStudy>& studies) {
  Json json = explore_json(view, "derivative");
  json["point"] = at;
  json["gradient"] = Json::array();
  json["studies"] = Json::array();
  for (std::size_t axis = 0; axis < studies.size(); ++axis) {
    const DerivativeStudy& study = studies[axis];
    json["gradient"].push_back(json_number(study.best.value));
    Json rows = Json::array();
    for (const DifferenceRow& row : study.rows) {
      rows.push_back({{"h", row.h},
                      {"forward", json_number(row.forward)},
                      {"forward_error", json_number(row.forward_error)},
                      {"central", json_number(row.central)},
                      {"central_error", json_number(row.central_error)}});
    }
    json["studies"].push_back({{"variable", view.expression.variables()[axis]},
                               {"value", json_number(study.best.value)},
                               {"error", json_number(study.best.error)},
                               {"best_h_forward", best_forward(study)},
                               {"best_h_central", best_central(study)},
                               {"differences", std::move(rows)}});
  }
  return json;
}

}  // namespace steepest::cli
