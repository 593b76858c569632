// SPDX-License-Identifier: Apache-2.0
// steepest find-rate: the range test, and the bound that says what rates are safe.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "src/cli/page_options.hpp"
#include "src/cli/progress_bar.hpp"
#include "src/cli/sweep_options.hpp"
#include "src/report/find_rate_page.hpp"
#include "src/train/option_text.hpp"
#include "steepest/error.hpp"
#include "steepest/find_rate.hpp"
#include "steepest/version.hpp"

namespace steepest::cli {
namespace {

struct FindRateCommandOptions {
  DataOptions data;
  MemoryOptions memory;
  ProblemOptions problem;
  std::string from = "0.001/L";
  std::string to = "100/L";
  std::string steps = "200";
  std::string batch_size = "full";
  std::string rule = "gradient";
  std::string report;
};

SweepRate one_rate(std::string_view option, const std::string& text) {
  const std::vector<SweepRate> rates = parse_rates(text);
  if (rates.size() != 1) {
    throw OptionError(fmt::format("{} \"{}\" is not one learning rate", option, text));
  }
  return rates.front();
}

FindRateOptions to_options(const FindRateCommandOptions& given, const GlobalOptions& global) {
  FindRateOptions options;
  given.problem.add_to(options.problem, global);
  options.low = one_rate("--from", given.from);
  options.high = one_rate("--to", given.to);
  options.steps = count_at_least_one("--steps", given.steps);
  if (given.batch_size != "full") {
    options.batch_size = count_at_least_one("--batch-size", given.batch_size);
  }
  options.rule = parse_rate_rule(given.rule);
  options.problem.memory_bytes = given.memory.storage().memory_bytes;
  return options;
}

Json find_rate_json(const FindRateResult& result, std::int64_t rows, std::int64_t features) {
  Json json{{"command", "find-rate"}, {"version", version}, {"device", to_json(result.device)}};
  json["data"] = {{"rows", rows}, {"features", features}};
  json["problem"] = {{"loss", result.loss},
                     {"l2", result.l2},
                     {"batch_size", result.batch_size},
                     {"precision", name(result.precision)},
                     {"engine", engine_json(result.engine)}};
  json["curvature"] = {{"bound", result.largest_curvature},
                       {"one_over_bound", 1.0 / result.largest_curvature},
                       {"two_over_bound", 2.0 / result.largest_curvature},
                       {"batch_bound", result.batch_curvature}};
  json["suggested_learning_rate"] = json_number(result.suggested);
  json["exploded"] = result.exploded;
  json["interrupted"] = result.interrupted;
  json["points"] = Json::array();
  for (const FindRatePoint& point : result.points) {
    json["points"].push_back({{"step", point.step},
                              {"learning_rate", point.learning_rate},
                              {"objective", json_number(point.objective)},
                              {"smoothed", json_number(point.smoothed)}});
  }
  json["evaluations"] = Json::array();
  for (const FindRatePoint& point : result.evaluations) {
    json["evaluations"].push_back({{"step", point.step},
                                   {"learning_rate", point.learning_rate},
                                   {"objective", json_number(point.objective)}});
  }
  json["warnings"] = result.warnings;
  return json;
}

// The objective against the logarithm of the rate, in characters.
class RatePlot {
 public:
  explicit RatePlot(const std::vector<FindRatePoint>& points)
      : first_(std::log(points.front().learning_rate)),
        last_(std::max(std::log(points.back().learning_rate), first_ + 1e-9)) {
    for (const FindRatePoint& point : points) {
      low_ = std::min(low_, point.smoothed);
      high_ = std::max(high_, point.smoothed);
    }
    // An explosion would flatten all else.
    high_ = std::min(high_, low_ + 1.25 * (points.front().smoothed - low_));
    high_ = std::max(high_, low_ + 1e-12 * (1.0 + std::fabs(low_)));
  }

  void mark(double rate, char sign) {
    const int column = column_of(rate);
    if (column >= 0 && column < width) {
      for (std::string& line : lines_) {
        line[static_cast<std::size_t>(column)] = sign;
      }
    }
  }

  void draw(const FindRatePoint& point) {
    const double share = std::clamp((point.smoothed - low_) / (high_ - low_), 0.0, 1.0);
    const auto row = static_cast<std::size_t>(std::lround((1.0 - share) * (height - 1)));
    lines_[row]
          [static_cast<std::size_t>(std::clamp(column_of(point.learning_rate), 0, width - 1))] =
              '*';
  }

  void print() const {
    for (std::size_t row = 0; row < lines_.size(); ++row) {
      const std::string label = row == 0            ? fmt::format("{:.4g}", high_)
                                : row + 1 == height ? fmt::format("{:.4g}", low_)
                                                    : "";
      fmt::print("{:>10} |{}\n", label, lines_[row]);
    }
    fmt::print("{:>10} +{}\n{:>10}  {:<{}}{:>10.3g}\n", "", std::string(width, '-'), "",
               fmt::format("{:.3g}", std::exp(first_)), width - 10, std::exp(last_));
  }

 private:
  static constexpr int width = 64;
  static constexpr std::size_t height = 14;

  [[nodiscard]] int column_of(double rate) const {
    return static_cast<int>(
        std::lround((std::log(rate) - first_) / (last_ - first_) * (width - 1)));
  }

  double first_;
  double last_;
  double low_ = INFINITY;
  double high_ = -INFINITY;
  std::vector<std::string> lines_ = std::vector<std::string>(height, std::string(width, ' '));
};

void print_find_rate(const FindRateResult& result, std::int64_t rows) {
  const double bound = result.batch_curvature;
  fmt::print("problem      {} loss, l2 {:.4g}, {}\n", result.loss, result.l2,
             result.batch_size >= rows
                 ? "full batch"
                 : fmt::format("batches of {} rows", format_count(result.batch_size)));
  fmt::print("suggested    {}\n",
             std::isfinite(result.suggested)
                 ? fmt::format("{:.6g}: there the objective fell fastest", result.suggested)
             : result.interrupted
                 ? "none: the range was cut short"
                 : "none: the objective never fell; see 1/L, or begin with a lower rate");
  fmt::print(
      "curvature    L = {:.6g} of what a step sees: 1/L = {:.6g} is safe, above 2/L = {:.6g} "
      "gradient descent can diverge\n",
      bound, 1.0 / bound, 2.0 / bound);
  if (result.points.empty()) {
    fmt::print("range        the objective was not finite at the first step\n");
    return;
  }
  const FindRatePoint& last = result.points.back();
  fmt::print("range        {:.4g} to {:.4g} in {} steps{}\n\n", result.points.front().learning_rate,
             last.learning_rate, result.points.size(),
             result.exploded      ? ", where the objective exploded"
             : result.interrupted ? ", then interrupted"
                                  : "; the objective did not explode");
  const std::vector<FindRatePoint>& seen =  // on all rows, where steps see batches
      result.evaluations.empty() ? result.points : result.evaluations;
  RatePlot plot(seen);
  plot.mark(1.0 / bound, '1');
  plot.mark(2.0 / bound, '2');
  if (std::isfinite(result.suggested)) {
    plot.mark(result.suggested, 's');
  }
  for (const FindRatePoint& point : seen) {
    plot.draw(point);
  }
  plot.print();
  fmt::print("{:>10}  * objective against the rate; s suggested, 1 at 1/L, 2 at 2/L\n", "");
}

int run_find_rate(const FindRateCommandOptions& given, const GlobalOptions& global) {
  const FindRateOptions options = to_options(given, global);
  ReadOptions read = given.data.to_read_options();
  read.target_kind = given.problem.target_kind();
  require_target(read, "find-rate");
  std::vector<std::string> inputs = read.paths;
  inputs.push_back(given.problem.class_weight_path());
  check_outputs({given.report, given.data.rejects}, inputs);
  ReadRows data = read_with_progress(read, given.memory.storage(), global);
  static_cast<void>(given.problem.weigh(data.rows));
  const std::int64_t rows = data.rows->rows();
  const std::int64_t features = data.rows->feature_count();
  FindRateResult result;
  {
    ProgressBar bar("testing", !global.quiet);
    result = find_rate(std::move(data.rows), options, [&bar](double fraction) {
      bar.show(fraction, "range test");
      return !interrupted();
    });
  }
  if (!given.report.empty()) {
    report::write_page(
        report::find_rate_page(result, fmt::format("{}", fmt::join(read.paths, " ")), rows,
                               run_facts(global, result.device, read.paths, result.warnings)),
        given.report);
  }
  print_warnings(result.warnings, global);
  if (global.json) {
    print_json(find_rate_json(result, rows, features));
  } else {
    print_find_rate(result, rows);
  }
  return result.interrupted ? exit_interrupted : exit_done;
}

}  // namespace

Command add_find_rate(CLI::App& parent, GlobalOptions& global) {
  CLI::App* app = parent.add_subcommand("find-rate", "Find a learning rate by the range test");
  auto options = std::make_shared<FindRateCommandOptions>();
  add_data_options(*app, options->data, true);
  add_memory_options(*app, options->memory);
  add_problem_options(*app, options->problem);
  app->add_option("--from", options->from, "first rate; X/L is X over the curvature bound")
      ->default_str(options->from);
  app->add_option("--to", options->to, "last rate")->default_str(options->to);
  app->add_option("--steps", options->steps, "steps, the rate growing by one factor at each")
      ->default_str(options->steps);
  app->add_option("--batch-size", options->batch_size, "full or rows a step")->default_str("full");
  app->add_option("--rule", options->rule, "update rule, as in fit")->default_str("gradient");
  add_report_option(*app, options->report);
  app->footer(
      "Example: steepest find-rate diamonds.csv --target price --categorical cut,color,clarity "
      "--batch-size 64");
  return {app, [options, &global] { return run_find_rate(*options, global); }};
}

}  // namespace steepest::cli
