// SPDX-License-Identifier: Apache-2.0
#include "src/cli/explore_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "src/cli/function_plot.hpp"
#include "steepest/version.hpp"

namespace steepest::cli {
namespace {

bool walks_by_gradient(const Exploration& run) {
  return run.options.method != Method::direct && run.options.method != Method::annealing;
}

const char* rate_name(Method method) {
  switch (method) {
    case Method::direct:
      return "step";
    case Method::annealing:
      return "temperature";
    default:
      return "rate";
  }
}

bool rate_varies(const Exploration& run) {
  return std::any_of(run.trace.begin() + 1, run.trace.end(),
                     [&](const TraceStep& step) { return step.rate != run.trace[1].rate; });
}

std::vector<Cell> trace_row(const ExploreView& view, const Exploration& run, const TraceStep& step,
                            bool with_rate) {
  std::vector<Cell> row{{"", fmt::format("Step {}", step.step)}};
  const auto& names = view.expression.variables();
  for (std::size_t i = 0; i < names.size(); ++i) {
    row.push_back({names[i] + " = ", fixed(step.at[i], view.digits)});
  }
  row.push_back({value_name(view) + " = ", fixed(step.value, view.digits)});
  if (!step.gradient.empty()) {
    const double slope = names.size() == 1 ? step.gradient[0] : max_norm(step.gradient);
    row.push_back({slope_name(view) + " = ", fixed(slope, view.digits)});
  }
  if (with_rate && step.step > 0) {
    row.push_back({fmt::format("{} = ", rate_name(run.options.method)),
                   fixed(step.rate, std::max(view.digits, 4))});
  }
  if (!walks_by_gradient(run) && step.step > 0) {
    row.push_back({"", step.accepted ? "kept" : "left"});
  }
  return row;
}

void print_trace(const ExploreView& view, const Exploration& run) {
  constexpr std::size_t all = 26;
  constexpr std::size_t first = 15;
  constexpr std::size_t last = 5;
  const std::size_t count = run.trace.size();
  const bool with_rate = count > 1 && (rate_varies(run) || !walks_by_gradient(run));
  std::vector<std::vector<Cell>> rows;
  for (std::size_t k = 0; k < count; ++k) {
    if (count <= all || k < first || k >= count - last) {
      rows.push_back(trace_row(view, run, run.trace[k], with_rate));
    } else if (k == first) {
      rows.push_back({{fmt::format("... {} more", count - first - last), ""}});
    }
  }
  fmt::print("{}", aligned(rows));
}

// As it would be given: a horizon that is only the number of steps goes without saying.
std::string schedule_text(const ExploreOptions& options) {
  Schedule schedule = options.schedule;
  schedule.horizon = schedule.horizon == options.steps ? 0 : schedule.horizon;
  return to_string(schedule);
}

std::string method_text(const ExploreView& view, const Exploration& run) {
  const ExploreOptions& options = run.options;
  std::string text(name(options.method));
  if (options.method == Method::descent) {
    text += fmt::format(", rule {}, schedule {}", to_string(options.rule), schedule_text(options));
  }
  const char* what = options.method == Method::backtracking ? "first rate"
                     : options.method == Method::newton     ? "damping"
                     : options.method == Method::direct     ? "first step"
                     : options.method == Method::annealing  ? "steps up to"
                                                            : "rate";
  text += fmt::format(", {} {:g}", what, options.learning_rate);
  if (options.method == Method::annealing) {
    text += fmt::format(", temperature {:.4g} to {:.4g}", options.temperature,
                        options.temperature * options.final_temperature);
  }
  return text + fmt::format(", from {}{}", place_text(view, options.start),
                            view.maximize ? "; climbs f by descending -f" : "");
}

std::string result_text(const Exploration& run) {
  const bool diverged = run.behaviour == Behaviour::diverges;
  const char* word = run.termination.converged() ? "converged"
                     : diverged                  ? "DIVERGED"
                                                 : "stopped, not converged";
  return fmt::format("{}: {}", word, run.termination.inequality);
}

// How the rate stands to the bound, for plain descent with one rate.
std::string against_bound(const Exploration& run, double bound) {
  const double rate = run.options.learning_rate;
  if (run.options.schedule.kind != ScheduleKind::constant) {
    return "";
  }
  const double share = rate / bound;
  constexpr double even = 1e-9;
  if (share > 1.0 + even) {
    return fmt::format("; the rate {:g} is above it", rate);
  }
  if (share > 1.0 - even) {
    return fmt::format("; the rate {:g} is on it", rate);
  }
  return fmt::format("; the rate {:g} is below it", rate);
}

std::string bound_text(const ExploreView& view, const Exploration& run) {
  const bool one = run.end.at.size() == 1;
  const double largest = 2.0 / *run.gradient_bound;
  std::string text = fmt::format(
      "2/{} = {:.4g} at the {} {}, where {} = {:.4g}", one ? "|f''|" : "L", *run.gradient_bound,
      view.maximize ? "maximum" : "minimum", place_text(view, run.target->at),
      one ? "|f''|" : "the largest curvature L", largest);
  if (!view.maximize && one) {
    text = fmt::format("2/f'' = {:.4g} at the minimum {}, where f'' = {:.4g}", *run.gradient_bound,
                       place_text(view, run.target->at), largest);
  }
  if (run.stability_bound && *run.stability_bound != *run.gradient_bound) {
    text +=
        fmt::format("; with {} it is {:.4g}", to_string(run.options.rule), *run.stability_bound);
  }
  return run.stability_bound ? text + against_bound(run, *run.stability_bound) : text;
}

Json optional_json(const std::optional<double>& value) {
  return value ? json_number(*value) : Json(nullptr);
}

Json trace_json(const Exploration& run) {
  Json trace = Json::array();
  for (const TraceStep& step : run.trace) {
    Json row{{"step", step.step}, {"point", step.at}, {"value", step.value}};
    row["gradient"] = step.gradient.empty() ? Json(nullptr) : Json(step.gradient);
    row["rate"] = step.step == 0 ? Json(nullptr) : Json(step.rate);
    row["accepted"] = step.accepted;
    trace.push_back(std::move(row));
  }
  return trace;
}

}  // namespace

RealFunction ExploreView::function() const {
  return [this](const Point& at) {
    if (interrupted()) {
      throw Interrupted{};
    }
    return expression(at);
  };
}

std::string fixed(double value, int digits) {
  constexpr double longest = 1e7;
  if (!std::isfinite(value)) {
    return "undefined";
  }
  if (std::fabs(value) >= longest) {
    return fmt::format("{:.{}e}", value, digits);
  }
  std::string text = fmt::format("{:.{}f}", value, digits);
  if (text.front() == '-' && text.find_first_not_of("-0.") == std::string::npos) {
    text.erase(0, 1);
  }
  return text;
}

std::string place_text(const ExploreView& view, const Point& at) {
  std::string text;
  const auto& names = view.expression.variables();
  for (std::size_t i = 0; i < at.size(); ++i) {
    text += fmt::format("{}{} = {}", i == 0 ? "" : ", ", names[i], fixed(at[i], view.digits));
  }
  return text;
}

std::string value_name(const ExploreView& view) {
  return view.expression.dimension() == 1 ? "f(x)" : "f(x, y)";
}

std::string slope_name(const ExploreView& view) {
  return view.expression.dimension() == 1 ? "f'(x)" : "|gradient|";
}

std::string aligned(const std::vector<std::vector<Cell>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size() && row.size() > 1; ++i) {
      widths.resize(std::max(widths.size(), i + 1), 0);
      widths[i] = std::max(widths[i], row[i].value.size());
    }
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line = "  ";
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += i == 0 ? "" : i == 1 ? ": " : ", ";
      line += row.size() == 1 ? row[i].label
                              : fmt::format("{}{:>{}}", row[i].label, row[i].value, widths[i]);
    }
    text += line + '\n';
  }
  return text;
}

Json explore_json(const ExploreView& view, const std::string& mode) {
  return {{"command", "explore"},
          {"version", version},
          {"expression", view.expression.text()},
          {"variables", view.expression.variables()},
          {"mode", mode}};
}

Json to_json(const CriticalPoint& point) {
  Json json{{"point", point.at}, {"value", json_number(point.value)}, {"kind", name(point.kind)}};
  json["smooth"] = point.smooth;
  json["curvatures"] = point.curvatures;
  return json;
}

void print_exploration(const ExploreView& view, const Exploration& run) {
  print_line("function", fmt::format("{} = {}", value_name(view), view.expression.text()));
  print_line("method", method_text(view, run));
  fmt::print("\n");
  print_trace(view, run);
  std::vector<Point> path;
  for (const TraceStep& step : run.trace) {
    if (step.accepted) {
      path.push_back(step.at);
    }
  }
  const std::vector<Point> also =
      run.target ? std::vector<Point>{run.target->at} : std::vector<Point>{};
  const std::string picture = plot_path(view.function(), path, also, view.plot);
  fmt::print("{}{}\n", picture.empty() ? "" : "\n", picture);
  print_line("result", result_text(run));
  print_line("verdict", verdict_sentence(view, run));
  if (run.gradient_bound && walks_by_gradient(run)) {
    print_line("bound", bound_text(view, run));
  }
}

Json exploration_json(const ExploreView& view, const Exploration& run) {
  const ExploreOptions& options = run.options;
  const Reason reason = run.termination.reason;
  Json json = explore_json(view, "trace");
  json["method"] = name(options.method);
  json["maximize"] = options.maximize;
  json["start"] = options.start;
  json["learning_rate"] = options.learning_rate;
  const bool descends = options.method == Method::descent;
  json["rule"] = descends ? Json(to_string(options.rule)) : Json(nullptr);
  json["schedule"] = descends ? Json(schedule_text(options)) : Json(nullptr);
  json["steps"] = run.trace.back().step;
  json["end"] = {{"point", run.end.at}, {"value", run.end.value}};
  json["termination"] = {{"reason", reason == Reason::epochs ? "steps" : name(reason)},
                         {"converged", run.termination.converged()},
                         {"inequality", run.termination.inequality}};
  json["verdict"] = {{"kind", name(run.behaviour)}, {"sentence", verdict_sentence(view, run)}};
  json["gradient_bound"] = optional_json(run.gradient_bound);
  json["stability_bound"] = optional_json(run.stability_bound);
  json["target"] = run.target ? to_json(*run.target) : Json(nullptr);
  json["landed_on"] = run.landed_on ? to_json(*run.landed_on) : Json(nullptr);
  json["trace"] = trace_json(run);
  return json;
}

}  // namespace steepest::cli
