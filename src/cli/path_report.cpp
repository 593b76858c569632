// SPDX-License-Identifier: Apache-2.0
#include "src/cli/path_report.hpp"

#include <fmt/format.h>

#include <cmath>

#include "src/cli/problem_options.hpp"
#include "src/train/option_text.hpp"
#include "steepest/error.hpp"
#include "steepest/sweep.hpp"

namespace steepest::cli {
namespace {

std::vector<double> parse_path(const std::string& text) {
  constexpr std::int64_t most_penalties = 1000;
  constexpr std::size_t path_parts = 4;
  const std::vector<std::string_view> parts = split(text, ':');
  if (parts.size() != path_parts || (parts[2] != "log" && parts[2] != "lin")) {
    throw OptionError(fmt::format(
        "--l2 \"{}\" is neither a number nor a path LO:HI:log:COUNT, such as 1e-6:1:log:13", text));
  }
  const bool logarithmic = parts[2] == "log";
  const double low = parse_option_number("--l2", parts[0]);
  const double high = parse_option_number("--l2", parts[1]);
  const std::int64_t count = parse_option_count("--l2", parts[3]);
  if (low < 0.0 || (logarithmic && low == 0.0) || low > high || count < 1 ||
      count > most_penalties) {
    throw OptionError(
        fmt::format("--l2 \"{}\": a path goes from LO {} to HI, at least LO, in 1 to {} penalties",
                    text, logarithmic ? "above 0" : "of 0 or more", most_penalties));
  }
  return spaced(low, high, count, logarithmic);
}

// A point that an interrupted path did not come to has none.
std::string loss_text(double loss) {
  return std::isfinite(loss) ? fmt::format("{:.6g}", loss) : "-";
}

}  // namespace

bool PathOptions::add_to(FitOptions& options, const std::string& l2) const {
  const bool path = l2.find(':') != std::string::npos;
  if (path) {
    options.l2_path = parse_path(l2);
  }
  if (!folds.empty()) {
    options.folds = count_at_least_one("--folds", folds);
  }
  if (pick != "best" && pick != "one-se") {
    throw OptionError(fmt::format("--pick \"{}\" is not known: use best or one-se", pick));
  }
  options.pick_one_standard_error = pick == "one-se";
  if (options.pick_one_standard_error && folds.empty()) {
    throw OptionError("--pick one-se needs a path and folds: --l2 LO:HI:log:COUNT --folds F");
  }
  return path;
}

void add_path_options(CLI::App& app, PathOptions& options) {
  app.add_option("--folds", options.folds,
                 "cross-validate: choose from a path of --l2 by the loss on folds left out");
  app.add_option("--pick", options.pick,
                 "from a path: best, or one-se, the largest penalty within a standard error of it")
      ->default_str("best");
}

Json path_json(const PathResult& path) {
  Json points = Json::array();
  for (const PathPoint& point : path.points) {
    Json losses = Json::array();
    for (const double loss : point.fold_losses) {
      losses.push_back(json_number(loss));
    }
    points.push_back(
        {{"l2", point.l2},
         {"validation_loss", json_number(point.validation_loss)},
         {"standard_error", point.standard_error ? json_number(*point.standard_error) : Json()},
         {"train_loss", json_number(point.train_loss)},
         {"degrees_of_freedom",
          point.degrees_of_freedom ? json_number(*point.degrees_of_freedom) : Json()},
         {"converged", point.converged},
         {"steps", point.steps},
         {"fold_losses", losses}});
  }
  return {{"folds", path.folds},
          {"points", points},
          {"best", path.points[path.best].l2},
          {"one_standard_error",
           path.folds > 0 ? Json(path.points[path.one_standard_error].l2) : Json()},
          {"picked", path.points[path.picked].l2},
          {"models", path.models},
          {"banks", path.banks},
          {"passes", path.passes},
          {"seconds", path.seconds}};
}

void print_path(const PathResult& path) {
  const bool folds = path.folds > 0;
  const auto columns = [&](const std::string& l2, const std::string& loss, const std::string& error,
                           const std::string& train, const std::string& degrees) {
    fmt::print("{:>12}  {:>15}  ", l2, loss);
    if (folds) {
      fmt::print("{:>10}  ", error);
    }
    fmt::print("{:>13}  ", train);
    if (path.points.front().degrees_of_freedom) {
      fmt::print("{:>10}  ", degrees);
    }
  };
  fmt::print("\n");
  columns("l2", "validation loss", "std error", "training loss", "degrees");
  fmt::print("\n");
  for (std::size_t i = 0; i < path.points.size(); ++i) {
    const PathPoint& point = path.points[i];
    columns(fmt::format("{:.5g}", point.l2), loss_text(point.validation_loss),
            point.standard_error ? fmt::format("{:.3g}", *point.standard_error) : "-",
            loss_text(point.train_loss),
            point.degrees_of_freedom ? fmt::format("{:.5g}", *point.degrees_of_freedom) : "-");
    std::string note = i == path.best ? "best" : "";
    if (folds && i == path.one_standard_error) {
      note += note.empty() ? "one standard error" : ", one standard error";
    }
    note += i == path.picked ? " <-" : "";
    note += point.converged ? "" : " (not converged)";
    fmt::print("{}\n", note);
  }
  fmt::print("{} models in {} {}, {} passes over the rows, {:.2f} s{}\n", path.models, path.banks,
             path.banks == 1 ? "bank" : "banks", path.passes, path.seconds,
             folds ? fmt::format("; {} folds", path.folds) : "");
}

}  // namespace steepest::cli
