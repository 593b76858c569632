// SPDX-License-Identifier: Apache-2.0
#include "src/cli/sweep_options.hpp"

#include <fmt/format.h>

#include "src/cli/page_options.hpp"
#include "src/train/option_text.hpp"
#include "steepest/error.hpp"

namespace steepest::cli {
namespace {

// The pieces of a list; what a last comma leaves behind it is no piece.
std::vector<std::string_view> pieces(std::string_view text) {
  if (text.size() > 1 && text.back() == ',') {
    text.remove_suffix(1);
  }
  return split(text, ',');
}

SweepRate parse_rate(std::string_view text) {
  SweepRate rate;
  constexpr std::string_view over = "/L";
  rate.over_curvature = text.size() > over.size() && text.substr(text.size() - over.size()) == over;
  const std::string_view digits =
      rate.over_curvature ? text.substr(0, text.size() - over.size()) : text;
  rate.value = parse_option_number("learning rate", digits);
  if (!(rate.value > 0.0)) {
    throw OptionError(fmt::format("learning rate \"{}\" must be above 0", text));
  }
  return rate;
}

std::vector<SweepRate> parse_range(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, ':');
  constexpr std::size_t range_parts = 4;
  if (parts.size() != range_parts || (parts[2] != "log" && parts[2] != "lin")) {
    throw OptionError(
        fmt::format("learning rates \"{}\" are not LO:HI:log:COUNT or LO:HI:lin:COUNT", text));
  }
  const SweepRate low = parse_rate(parts[0]);
  const SweepRate high = parse_rate(parts[1]);
  if (low.over_curvature != high.over_curvature || low.value > high.value) {
    throw OptionError(fmt::format(
        "learning rates \"{}\": the first must not be above the second, and /L stand with both "
        "or none",
        text));
  }
  const std::int64_t count =
      count_at_least_one("the count of learning rates", std::string(parts[3]));
  constexpr std::int64_t most = 10000;
  if (count > most) {
    throw OptionError(fmt::format("learning rates \"{}\" are too many: at most {}", text, most));
  }
  std::vector<SweepRate> rates;
  for (const double value : spaced(low.value, high.value, count, parts[2] == "log")) {
    rates.push_back({value, low.over_curvature});
  }
  return rates;
}

std::vector<std::uint64_t> parse_seeds(const std::string& text, std::uint64_t first) {
  std::vector<std::uint64_t> seeds;
  if (text.find(',') != std::string::npos) {
    for (const std::string_view piece : pieces(text)) {
      seeds.push_back(static_cast<std::uint64_t>(parse_option_count("seed", piece)));
    }
    return seeds;
  }
  constexpr std::int64_t most = 10000;
  const std::int64_t count = count_at_least_one("--seeds", text);
  if (count > most) {
    throw OptionError(fmt::format("--seeds {} are too many: at most {}", text, most));
  }
  for (std::int64_t i = 0; i < count; ++i) {
    seeds.push_back(first + static_cast<std::uint64_t>(i));
  }
  return seeds;
}

}  // namespace

std::vector<SweepRate> parse_rates(std::string_view text) {
  std::vector<SweepRate> rates;
  for (const std::string_view piece : pieces(text)) {
    if (piece.find(':') == std::string_view::npos) {
      rates.push_back(parse_rate(piece));
    } else {
      const std::vector<SweepRate> range = parse_range(piece);
      rates.insert(rates.end(), range.begin(), range.end());
    }
  }
  return rates;
}

void add_sweep_options(CLI::App& app, SweepCommandOptions& options) {
  app.add_option("--schedules", options.schedules,
                 "NAME:key=value,... of " + schedule_names() + "; a list with ,")
      ->default_str(options.schedules);
  app.add_option("--learning-rates", options.learning_rates,
                 "LO:HI:log:COUNT, LO:HI:lin:COUNT or a list; X/L is X over the curvature bound of "
                 "the batch size")
      ->default_str(options.learning_rates);
  app.add_option("--batch-size", options.batch_sizes, "rows a step, or full; a list with ,")
      ->default_str("full");
  app.add_option("--rules", options.rules,
                 "auto (of each schedule: gradient, of prodigy adam) or update rules, as in fit; a "
                 "list with ,")
      ->default_str("auto");
  app.add_option("--seeds", options.seeds, "how many, from --seed on; or a list with ,")
      ->default_str("1");
  app.add_option("--epochs", options.epochs, "passes over the data of every run")
      ->default_str("10");
  app.add_option("--points", options.points, "most points of a run's curve")->default_str("200");
  add_checkpoint_options(app, options.checkpoint);
  app.add_option("--config", options.config,
                 "JSON file of option names and values; the command line wins");
  app.add_flag("--prune", options.prune,
               "end the worse half of what runs at each batch size, with all its seeds, after "
               "1/8, 1/4 and 1/2 of the epochs; it misjudges schedules that fall late");
  app.add_flag("--dry-run", options.dry_run, "say what would be run and what it costs");
  app.add_option("--curves", options.curves, "CSV of every run's curve, one line a point");
  add_report_option(app, options.report);
  app.add_option("--best", options.best, "JSON file of the best run, for fit --config");
  app.add_option("-o,--output", options.output, "JSON file of all results");
}

const std::vector<ConfigAlias>& sweep_config_aliases() {
  static const std::vector<ConfigAlias> aliases{{"batch_sizes", "--batch-size"},
                                                {"seeds", "--seeds", true}};
  return aliases;
}

SweepOptions to_sweep_options(const SweepCommandOptions& given, const GlobalOptions& global) {
  SweepOptions options;
  options.problem.checkpoint = given.checkpoint.options();
  given.problem.add_to(options.problem, global);
  given.composite.add_to(options.problem);
  std::string_view schedules = given.schedules;
  if (schedules.size() > 1 && schedules.back() == ',') {
    schedules.remove_suffix(1);
  }
  options.schedules = parse_schedule_list(schedules);
  options.learning_rates = parse_rates(given.learning_rates);
  for (const std::string_view size : pieces(given.batch_sizes)) {
    options.batch_sizes.push_back(
        size == "full" ? 0 : count_at_least_one("--batch-size", std::string(size)));
  }
  if (given.rules != "auto") {
    for (const std::string_view rule : pieces(given.rules)) {
      options.rules.push_back(parse_rate_rule(rule));
    }
  }
  options.seeds = parse_seeds(given.seeds, global.seed);
  options.epochs = count_at_least_one("--epochs", given.epochs);
  options.prune = given.prune;
  options.most_points = count_at_least_one("--points", given.points);
  if (options.most_points < 2) {
    throw OptionError("--points must be at least 2");
  }
  return options;
}

}  // namespace steepest::cli
