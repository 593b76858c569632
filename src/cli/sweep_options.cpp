// SPDX-License-Identifier: Apache-2.0
#include "src/cli/sweep_options.hpp"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "src/train/option_text.hpp"
#include "steepest/error.hpp"

namespace steepest::cli {
namespace {

// A key of the JSON file: the option it stands for, and where its text goes.
struct ConfigKey {
  const char* name;
  const char* option;
  std::string& (*text)(SweepCommandOptions& options);
};

constexpr ConfigKey config_keys[] = {
    {"schedules", "--schedules",
     [](SweepCommandOptions& o) -> std::string& { return o.schedules; }},
    {"learning_rates", "--learning-rates",
     [](SweepCommandOptions& o) -> std::string& { return o.learning_rates; }},
    {"batch_sizes", "--batch-size",
     [](SweepCommandOptions& o) -> std::string& { return o.batch_sizes; }},
    {"rules", "--rules", [](SweepCommandOptions& o) -> std::string& { return o.rules; }},
    {"seeds", "--seeds", [](SweepCommandOptions& o) -> std::string& { return o.seeds; }},
    {"epochs", "--epochs", [](SweepCommandOptions& o) -> std::string& { return o.epochs; }},
    {"points", "--points", [](SweepCommandOptions& o) -> std::string& { return o.points; }},
    {"model", "--model", [](SweepCommandOptions& o) -> std::string& { return o.problem.model; }},
    {"loss", "--loss", [](SweepCommandOptions& o) -> std::string& { return o.problem.loss; }},
    {"l2", "--l2", [](SweepCommandOptions& o) -> std::string& { return o.problem.l2; }},
    {"precision", "--precision",
     [](SweepCommandOptions& o) -> std::string& { return o.problem.precision; }},
    {"target", "--target", [](SweepCommandOptions& o) -> std::string& { return o.data.targets; }},
};

// A string or a number as it would stand on the command line.
std::string scalar_text(const Json& value, const std::string& path, const std::string& key) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  if (!value.is_number()) {
    throw OptionError(
        fmt::format("{}: \"{}\" must be a text, a number, or a list of these", path, key));
  }
  return value.dump();
}

// A list ends in a comma, so that a list of one seed is not taken for how many there are.
std::string config_text(const Json& value, const std::string& path, const std::string& key) {
  if (!value.is_array()) {
    return scalar_text(value, path, key);
  }
  std::string text;
  for (const Json& item : value) {
    text += scalar_text(item, path, key) + ",";
  }
  return text;
}

Json read_json(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!file || text.str().empty()) {
    throw InputError(Location{path}, "no such file, or it is empty or a directory");
  }
  try {
    Json json = Json::parse(text.str());
    if (json.is_object()) {
      return json;
    }
  } catch (const Json::parse_error& error) {
    throw InputError(Location{path}, fmt::format("is not JSON from byte {} on", error.byte));
  } catch (const Json::exception&) {
    throw InputError(Location{path}, "holds a number that is too large");
  }
  throw InputError(Location{path},
                   "is JSON but not an object such as {\"schedules\": [\"constant\"]}");
}

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
  app.add_option("--rules", options.rules, "update rules, as in fit; a list with ,")
      ->default_str("gradient");
  app.add_option("--seeds", options.seeds, "how many, from --seed on; or a list with ,")
      ->default_str("1");
  app.add_option("--epochs", options.epochs, "passes over the data of every run")
      ->default_str("10");
  app.add_option("--points", options.points, "most points of a run's curve")->default_str("200");
  add_checkpoint_options(app, options.checkpoint);
  app.add_option("--config", options.config,
                 "JSON file of the same options; the command line wins");
  app.add_flag("--dry-run", options.dry_run, "say what would be run and what it costs");
  app.add_option("--curves", options.curves, "CSV of every run's curve, one line a point");
  app.add_option("-o,--output", options.output, "JSON file of all results");
}

void read_config(const CLI::App& app, SweepCommandOptions& options) {
  if (options.config.empty()) {
    return;
  }
  const Json json = read_json(options.config);
  for (const auto& [key, value] : json.items()) {
    const ConfigKey* known = nullptr;
    std::vector<std::string_view> names;
    for (const ConfigKey& candidate : config_keys) {
      names.emplace_back(candidate.name);
      known = key == candidate.name ? &candidate : known;
    }
    if (known == nullptr) {
      throw OptionError(fmt::format("{}: key \"{}\" is not known: use {}", options.config, key,
                                    join_choices(names)));
    }
    if (app.count(known->option) == 0) {
      known->text(options) = config_text(value, options.config, key);
    }
  }
}

SweepOptions to_sweep_options(const SweepCommandOptions& given, const GlobalOptions& global) {
  SweepOptions options;
  options.problem.checkpoint = given.checkpoint.options();
  given.problem.add_to(options.problem, global);
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
  for (const std::string_view rule : pieces(given.rules)) {
    options.rules.push_back(parse_rate_rule(rule));
  }
  options.seeds = parse_seeds(given.seeds, global.seed);
  options.epochs = count_at_least_one("--epochs", given.epochs);
  options.most_points = count_at_least_one("--points", given.points);
  if (options.most_points < 2) {
    throw OptionError("--points must be at least 2");
  }
  return options;
}

}  // namespace steepest::cli
