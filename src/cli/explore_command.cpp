// SPDX-License-Identifier: Apache-2.0
// steepest explore: a function typed on the command line, descended step by step.
#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <optional>

#include "src/cli/data_options.hpp"
#include "src/cli/explore_report.hpp"
#include "src/cli/page_options.hpp"
#include "src/report/explore_page.hpp"
#include "src/train/option_text.hpp"
#include "steepest/error.hpp"

namespace steepest::cli {
namespace {

struct ExploreTexts {
  std::string expression;
  std::string method = "descent";
  std::string start;
  std::string learning_rate;
  std::string steps;
  std::string tolerance = "1e-6";
  std::string rule = "gradient";
  std::string schedule = "constant";
  bool maximize = false;
  std::string interval;
  std::string restarts;
  std::string temperature;
  std::string critical;
  std::string scan;
  std::string derivative_at;
  std::string plot = "auto";
  std::string digits = "4";
  std::string report;
};

// A number, also written pi/2 or sqrt(2).
double number(std::string_view option, std::string_view text) {
  try {
    const Expression formula{std::string(text)};
    if (formula.is_constant()) {
      formula.require_finite({0.0});
      return formula({0.0});
    }
  } catch (const InputError&) {
    // Said below, with the option's name.
  }
  throw OptionError(fmt::format("{} \"{}\" is not a finite number", option, text));
}

double positive(std::string_view option, std::string_view text) {
  const double value = number(option, text);
  if (value <= 0.0) {
    throw OptionError(fmt::format("{} must be above 0, not {}", option, text));
  }
  return value;
}

Point point_of(std::string_view option, const std::string& text, const Expression& expression) {
  Point point;
  for (const std::string_view piece : split(text, ',')) {
    point.push_back(number(option, piece));
  }
  if (static_cast<std::int64_t>(point.size()) != expression.dimension()) {
    throw OptionError(fmt::format("{} \"{}\" has {} numbers: \"{}\" is a function of {}", option,
                                  text, point.size(), expression.text(),
                                  fmt::join(expression.variables(), " and ")));
  }
  return point;
}

// LO:HI for every variable, or LO:HI,LO:HI. A third piece, LO:HI:N, is handed to `count`.
std::vector<Interval> box_of(std::string_view option, const std::string& text,
                             const Expression& expression, std::int64_t* count = nullptr) {
  std::vector<Interval> box;
  const std::size_t pieces = count == nullptr ? 2 : 3;
  for (const std::string_view side : split(text, ',')) {
    const std::vector<std::string_view> ends = split(side, ':');
    if (ends.size() != pieces && !(count != nullptr && ends.size() == 2)) {
      throw OptionError(
          fmt::format("{} \"{}\" is not {}", option, text,
                      count == nullptr ? "LO:HI, as in -3:3" : "LO:HI:N, as in 0:3:100"));
    }
    box.push_back({number(option, ends[0]), number(option, ends[1])});
    if (!(box.back().low < box.back().high)) {
      throw OptionError(fmt::format("{} \"{}\" is empty: LO must be below HI", option, text));
    }
    if (ends.size() == 3) {
      const std::int64_t points = parse_option_count(option, ends[2]);
      if (box.size() > 1 && points != *count) {
        throw OptionError(fmt::format("{} \"{}\" has two numbers of points: N is the same for both",
                                      option, text));
      }
      *count = points;
    }
  }
  const auto dimension = static_cast<std::size_t>(expression.dimension());
  if (box.size() == 1) {
    box.resize(dimension, box.front());
  }
  if (box.size() != dimension) {
    throw OptionError(fmt::format("{} \"{}\" has {} intervals: \"{}\" is a function of {}", option,
                                  text, box.size(), expression.text(),
                                  fmt::join(expression.variables(), " and ")));
  }
  return box;
}

Point middle_of(const std::vector<Interval>& box) {
  Point point;
  for (const Interval& side : box) {
    point.push_back(0.5 * (side.low + side.high));
  }
  return point;
}

ExploreOptions options_of(const ExploreTexts& given, const Expression& expression,
                          const GlobalOptions& global) {
  ExploreOptions options;
  options.method = parse_method(given.method);
  options.maximize = given.maximize;
  options.rule = parse_rate_rule(given.rule);
  if (is_adaptive(options.rule.kind) || is_averaging(options.rule.kind)) {
    throw OptionError(fmt::format(
        "explore knows the rules gradient, momentum:M, nesterov:M and accelerated, not {}",
        given.rule));
  }
  options.schedule = parse_schedule(given.schedule);
  if (options.schedule.kind == ScheduleKind::risk_adaptive) {
    throw OptionError(
        "schedule risk_adaptive is for the losses of classifiers, which explore has none of");
  }
  options.tolerance = number("--tolerance", given.tolerance);
  options.seed = global.seed;
  const bool descends = options.method == Method::descent;
  if (!descends && (given.rule != "gradient" || given.schedule != "constant")) {
    throw OptionError("--rule and --schedule belong to --method descent");
  }
  if (!given.learning_rate.empty()) {
    options.learning_rate = positive("--learning-rate", given.learning_rate);
  }
  if (!given.steps.empty()) {
    options.steps = parse_option_count("--steps", given.steps);
    if (options.steps < 1) {
      throw OptionError("--steps must be at least 1");
    }
  }
  if (!given.interval.empty()) {
    options.box = box_of("--interval", given.interval, expression);
  }
  if (!given.temperature.empty()) {
    options.temperature = positive("--temperature", given.temperature);
  }
  options.start = !given.start.empty()  ? point_of("--start", given.start, expression)
                  : options.box.empty() ? Point(static_cast<std::size_t>(expression.dimension()))
                                        : middle_of(options.box);
  return options;
}

int run_trace(const ExploreView& view, const ExploreOptions& options,
              const std::string& report_path, const GlobalOptions& global) {
  view.expression.require_finite(options.start);
  const Exploration run = explore(view.function(), options);
  if (!report_path.empty()) {
    report::write_page(report::explore_page(run,
                                            {view.expression.text(), view.expression.variables(),
                                             view.function(), verdict_sentence(view, run)},
                                            run_facts(global, list_devices().front(), {}, {})),
                       report_path);
  }
  if (global.json) {
    print_json(exploration_json(view, run));
  } else {
    print_exploration(view, run);
  }
  return run.behaviour == Behaviour::diverges ? exit_diverged : exit_done;
}

int run_restarts(const ExploreView& view, const ExploreTexts& given, ExploreOptions options,
                 const GlobalOptions& global) {
  if (!given.start.empty() || options.box.empty()) {
    throw OptionError(
        "--restarts draws its starts from an interval: give --interval LO:HI and no --start");
  }
  const Restarts result =
      explore_restarts(view.function(), options, options.box,
                       parse_option_count("--restarts", given.restarts), global.seed);
  if (global.json) {
    print_json(restarts_json(view, result));
  } else {
    print_restarts(view, result);
  }
  return exit_done;
}

int run_critical(const ExploreView& view, const std::string& text, const GlobalOptions& global) {
  const auto points = critical_points(view.function(), box_of("--critical", text, view.expression));
  if (global.json) {
    print_json(critical_json(view, points));
  } else {
    print_critical(view, points);
  }
  return exit_done;
}

int run_scan(const ExploreView& view, const std::string& text, const GlobalOptions& global) {
  std::int64_t points = view.expression.dimension() == 1 ? 1001 : 201;
  const std::vector<Interval> box = box_of("--scan", text, view.expression, &points);
  const double sign = view.maximize ? -1.0 : 1.0;
  const RealFunction f = view.function();
  ScanResult result = scan([&](const Point& at) { return sign * f(at); }, box, points);
  result.value *= sign;
  result.grid_value *= sign;
  if (global.json) {
    print_json(scan_json(view, result));
  } else {
    print_scan(view, result);
  }
  return exit_done;
}

int run_derivative(const ExploreView& view, const std::string& text, const GlobalOptions& global) {
  const Point at = point_of("--derivative-at", text, view.expression);
  view.expression.require_finite(at);
  std::vector<DerivativeStudy> studies;
  for (std::int64_t axis = 0; axis < view.expression.dimension(); ++axis) {
    studies.push_back(study_derivative(view.function(), at, axis));
    if (!std::isfinite(studies.back().best.value)) {
      throw InputError(fmt::format(
          "the derivative at {} cannot be found: the function is not defined on both sides",
          describe_point(view.expression.variables(), at)));
    }
  }
  if (global.json) {
    print_json(studies_json(view, at, studies));
  } else {
    print_studies(view, at, studies);
  }
  return exit_done;
}

// A formula that begins with a minus looks like an option, and is left over.
std::string take_expression(std::string expression, std::vector<std::string> left) {
  if (expression.empty() && !left.empty() && left.front().rfind("--", 0) != 0) {
    expression = left.front();
    left.erase(left.begin());
  }
  if (!left.empty()) {
    throw OptionError(
        fmt::format("\"{}\" is not known; see steepest explore --help", left.front()));
  }
  if (expression.empty()) {
    throw OptionError("explore needs a formula, as in steepest explore \"(x - 3)^2\"");
  }
  return expression;
}

int run_explore(ExploreTexts given, const CLI::App& app, const GlobalOptions& global) {
  if (global.device != "auto" && global.device != "cpu") {
    throw OptionError("explore runs on the CPU: use --device cpu or auto");
  }
  given.expression = take_expression(given.expression, app.remaining());
  const Expression expression(given.expression);
  const std::int64_t digits = parse_option_count("--digits", given.digits);
  constexpr std::int64_t most_digits = 15;
  if (digits < 1 || digits > most_digits) {
    throw OptionError(fmt::format("--digits must be 1 to {}", most_digits));
  }
  const ExploreView view{expression, given.maximize, static_cast<int>(digits),
                         parse_plot_style(given.plot)};
  const int studies = (given.critical.empty() ? 0 : 1) + (given.scan.empty() ? 0 : 1) +
                      (given.derivative_at.empty() ? 0 : 1) + (given.restarts.empty() ? 0 : 1);
  if (!given.report.empty() && studies > 0) {
    throw OptionError(
        "--report shows one descent: it does not go with --critical, --scan, --derivative-at or "
        "--restarts");
  }
  if (studies > 1) {
    throw OptionError("--critical, --scan, --derivative-at and --restarts: give one of them");
  }
  if (!given.critical.empty()) {
    return run_critical(view, given.critical, global);
  }
  if (!given.scan.empty()) {
    return run_scan(view, given.scan, global);
  }
  if (!given.derivative_at.empty()) {
    return run_derivative(view, given.derivative_at, global);
  }
  check_outputs({given.report}, {});
  const ExploreOptions options = options_of(given, expression, global);
  return given.restarts.empty() ? run_trace(view, options, given.report, global)
                                : run_restarts(view, given, options, global);
}

void add_descent_options(CLI::App& app, ExploreTexts& texts) {
  app.add_option("--method", texts.method, "descent, backtracking, newton, direct or annealing")
      ->default_str("descent");
  app.add_option("--start", texts.start, "where to begin: X, or X,Y; numbers such as pi/2 too")
      ->default_str("0");
  app.add_option("--learning-rate", texts.learning_rate,
                 "rate; first rate of backtracking, damping of newton, first step of direct, width "
                 "of annealing's steps; default: 0.1, 1, 1, 1, a tenth of the interval");
  app.add_option("--steps", texts.steps, "most steps; default: 50, direct 200, annealing 1000");
  app.add_option("--tolerance", texts.tolerance,
                 "ends when the largest derivative is no larger; of direct, the step")
      ->default_str("1e-6");
  app.add_option("--rule", texts.rule, "update rule of descent, as in fit")
      ->default_str("gradient");
  app.add_option("--schedule", texts.schedule, "schedule of descent, as in fit")
      ->default_str("constant");
  app.add_flag("--maximize", texts.maximize, "climb: descend -f");
  app.add_option("--interval", texts.interval,
                 "LO:HI, or LO:HI,LO:HI: where restarts begin and annealing stays");
  app.add_option("--restarts", texts.restarts, "descend from so many random starts");
  app.add_option("--temperature", texts.temperature,
                 "first of annealing; default: the spread of f over the interval");
}

}  // namespace

Command add_explore(CLI::App& parent, GlobalOptions& global) {
  CLI::App* app =
      parent.add_subcommand("explore", "Descend a function of one or two variables, step by step");
  auto texts = std::make_shared<ExploreTexts>();
  app->allow_extras();
  app->add_option("EXPR", texts->expression, "formula in x, or in x and y, as in \"(x - 3)^2\"");
  add_descent_options(*app, *texts);
  app->add_option("--critical", texts->critical,
                  "every point of LO:HI where the derivative is zero, and its kind");
  app->add_option("--scan", texts->scan, "the lowest point of LO:HI from a grid of N: LO:HI:N");
  app->add_option("--derivative-at", texts->derivative_at,
                  "the derivative at X (or X,Y), and the error of differences for every h");
  app->add_option("--digits", texts->digits, "digits after the point")->default_str("4");
  app->add_option("--plot", texts->plot, "auto, unicode, plain or none")->default_str("auto");
  add_report_option(*app, texts->report);
  app->footer(
      "Example: steepest explore \"(x - 3)^2\" --start 0 --learning-rate 0.1 --steps 20\n"
      "         steepest explore \"x^4 - 4*x^2 + 1\" --restarts 10 --interval -3:3\n"
      "         steepest explore \"x^3 - 3*x + 1\" --scan 0:3:100");
  return {app, [texts, app, &global] { return run_explore(*texts, *app, global); }};
}

}  // namespace steepest::cli
