// SPDX-License-Identifier: Apache-2.0
#include "src/cli/sweep_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "src/cli/checkpoint_options.hpp"
#include "src/cli/progress_bar.hpp"
#include "steepest/output_file.hpp"
#include "steepest/version.hpp"

namespace steepest::cli {
namespace {

using report::is_over_curvature;
using report::rank_methods;
using report::RankedMethod;
using report::schedule_text;

std::string_view status_of(const SweepRun& run) {
  return run.reason == Reason::epochs ? "done" : run.pruned ? "pruned" : name(run.reason);
}

std::string batch_text(std::int64_t batch, std::int64_t rows) {
  return batch >= rows ? "full" : format_count(batch);
}

Json case_json(const SweepCase& what) {
  return {{"schedule", schedule_text(what)},
          {"learning_rate", what.schedule.learning_rate},
          {"learning_rate_times_curvature",
           is_over_curvature(what) ? Json(what.rate.value) : Json(nullptr)},
          {"batch_size", what.batch_size},
          {"rule", to_string(what.rule)},
          {"seed", what.seed},
          {"bank", what.bank}};
}

Json data_json(const SweepInput& input) {
  return {{"rows", input.rows},
          {"features", input.features},
          {"outputs", input.outputs},
          {"bytes_read", input.bytes_read}};
}

Json ranking_json(const SweepResult& result) {
  Json ranking = Json::array();
  for (const RankedMethod& method : rank_methods(result)) {
    const SweepCase& what = method.run->what;
    ranking.push_back({{"schedule", schedule_text(what)},
                       {"rule", to_string(what.rule)},
                       {"batch_size", what.batch_size},
                       {"learning_rate", what.schedule.learning_rate},
                       {"status", method.status()},
                       {"suboptimality_median", json_number(method.median)},
                       {"suboptimality_quartiles",
                        {json_number(method.lower_quartile), json_number(method.upper_quartile)}},
                       {"seeds", method.seeds},
                       {"runs", method.runs},
                       {"diverged", method.diverged}});
  }
  return ranking;
}

void line(std::string_view label, const std::string& text) {
  fmt::print("{:<12} {}\n", label, text);
}

// A CSV field in quotes where it has to be.
std::string quoted(const std::string& text) {
  return text.find(',') == std::string::npos ? text : "\"" + text + "\"";
}

// The options of fit that make the run of a case alone, in the words of --config.
Json case_config(const SweepCase& what, const SweepResult& result, const SweepInput& input) {
  Json config = Json::object();
  if (!input.target.empty()) {
    config["target"] = input.target;
  }
  config["loss"] = result.loss;
  config["l2"] = result.l2;
  if (result.l1 > 0.0) {
    config["l1"] = result.l1;
  }
  if (result.constraint.kind != ConstraintKind::none) {
    config["constraint"] = to_string(result.constraint);
  }
  config["schedule"] = schedule_text(what);
  config["rule"] = to_string(what.rule);
  config["learning_rate"] = what.schedule.learning_rate;
  config["batch_size"] = what.batch_size >= input.rows ? Json("full") : Json(what.batch_size);
  config["epochs"] = input.epochs;
  config["seed"] = what.seed;
  config["precision"] = name(result.precision);
  config["tolerance_gradient"] = 0;
  config.update(input.flags);
  return config;
}

std::string or_empty(double value) { return std::isfinite(value) ? fmt::format("{}", value) : ""; }

std::string bound_text(double curvature) {
  return fmt::format(
      "L = {:.6g}: 1/L = {:.6g}, and constant steps of full-batch gradient descent "
      "above 2/L = {:.6g} can diverge",
      curvature, 1.0 / curvature, 2.0 / curvature);
}

std::string pruned_text(const SweepResult& result) {
  const auto pruned = std::count_if(result.runs.begin(), result.runs.end(),
                                    [](const SweepRun& run) { return run.pruned; });
  return pruned > 0 ? fmt::format(", {} pruned by halving", pruned) : "";
}

void print_ranking(const std::vector<RankedMethod>& ranking, std::int64_t rows) {
  constexpr std::size_t most_lines = 30;
  std::size_t schedule_width = std::string_view("schedule").size();
  std::size_t rule_width = std::string_view("rule").size();
  for (const RankedMethod& method : ranking) {
    schedule_width = std::max(schedule_width, schedule_text(method.run->what).size());
    rule_width = std::max(rule_width, to_string(method.run->what.rule).size());
  }
  fmt::print("\n{:>4}  {:<{}}  {:<{}}  {:>7}  {:>10}  {:>8}  {:>13}  {:>22}  {}\n", "rank",
             "schedule", schedule_width, "rule", rule_width, "batch", "rate", "rate * L",
             "suboptimality", "quartiles over seeds", "diverged");
  for (std::size_t i = 0; i < std::min(most_lines, ranking.size()); ++i) {
    const RankedMethod& method = ranking[i];
    const SweepCase& what = method.run->what;
    const bool finite = std::isfinite(method.median);
    const std::string times = is_over_curvature(what) ? fmt::format("{:.4g}", what.rate.value) : "";
    const std::string quartiles =
        method.seeds > 1 && std::isfinite(method.upper_quartile)
            ? fmt::format("{:.3e} {:.3e}", method.lower_quartile, method.upper_quartile)
            : "";
    fmt::print("{:>4}  {:<{}}  {:<{}}  {:>7}  {:>10.4g}  {:>8}  {:>13}  {:>22}  {} of {}\n",
               finite ? fmt::format("{}", i + 1) : "-", schedule_text(what), schedule_width,
               to_string(what.rule), rule_width, batch_text(what.batch_size, rows),
               what.schedule.learning_rate, times,
               finite ? fmt::format("{:.6e}", method.median) : std::string(method.status()),
               quartiles, method.diverged, method.runs);
  }
  if (ranking.size() > most_lines) {
    fmt::print("      ({} more: --json or -o has them all)\n", ranking.size() - most_lines);
  }
}

}  // namespace

std::string fit_options(const SweepCase& what, const SweepResult& result, const SweepInput& input) {
  std::string text;
  const Json config = case_config(what, result, input);
  for (const auto& [key, value] : config.items()) {
    std::string option = key;
    std::replace(option.begin(), option.end(), '_', '-');
    if (key != "target") {
      text += fmt::format("{}--{}", text.empty() ? "" : " ", option);
      text += value.is_boolean()  ? ""
              : value.is_string() ? " " + shell_quoted(value.get<std::string>())
                                  : " " + value.dump();
    }
  }
  return text;
}

Json best_config(const SweepResult& result, const SweepInput& input) {
  const std::vector<RankedMethod> ranking = rank_methods(result);
  return ranking.empty() || !std::isfinite(ranking.front().median)
             ? Json(nullptr)
             : case_config(ranking.front().run->what, result, input);
}

std::string command_again(const SweepResult& result, const SweepInput& input) {
  const std::vector<RankedMethod> ranking = rank_methods(result);
  if (ranking.empty() || !std::isfinite(ranking.front().median)) {
    return "";
  }
  return fmt::format("steepest fit DATA --target {} {}",
                     input.target.empty() ? "TARGET" : shell_quoted(input.target),
                     fit_options(ranking.front().run->what, result, input));
}

Json sweep_json(const SweepResult& result, const SweepInput& input) {
  Json json{{"command", "sweep"}, {"version", version}, {"device", to_json(result.device)}};
  json["data"] = data_json(input);
  json["problem"] = {{"loss", result.loss},
                     {"l2", result.l2},
                     {"l1", result.l1},
                     {"constraint", to_string(result.constraint)},
                     {"epochs", input.epochs},
                     {"precision", name(result.precision)},
                     {"engine", engine_json(result.engine)}};
  json["curvature"] = {{"bound", result.largest_curvature},
                       {"one_over_bound", 1.0 / result.largest_curvature},
                       {"two_over_bound", 2.0 / result.largest_curvature}};
  json["optimum"] = {{"objective", json_number(result.optimum.objective)},
                     {"method", result.optimum.method},
                     {"converged", result.optimum.converged},
                     {"gradient_max_norm", json_number(result.optimum.gradient_max_norm)},
                     {"validation_loss", json_number(result.optimum.validation_loss)},
                     {"resolution", json_number(result.optimum.resolution)},
                     {"seconds", result.optimum.seconds}};
  json["runs"] = Json::array();
  for (const SweepRun& run : result.runs) {
    Json entry = case_json(run.what);
    entry["status"] = status_of(run);
    entry["steps"] = run.steps;
    entry["epochs"] = run.epochs;
    entry["final_objective"] = json_number(run.final_objective);
    entry["best_objective"] = json_number(run.best_objective);
    entry["suboptimality"] = json_number(run.suboptimality);
    entry["validation_loss"] = json_number(run.validation_loss);
    entry["seconds"] = run.seconds;
    json["runs"].push_back(std::move(entry));
  }
  json["ranking"] = ranking_json(result);
  const std::vector<RankedMethod> ranking = rank_methods(result);
  json["best"] = nullptr;
  if (!ranking.empty() && std::isfinite(ranking.front().median)) {
    json["best"] = case_json(ranking.front().run->what);
    json["best"]["fit_options"] = fit_options(ranking.front().run->what, result, input);
  }
  json["passes"] = result.plan.passes;
  json["passes_one_by_one"] = result.plan.passes_one_by_one;
  json["pruned"] = std::count_if(result.runs.begin(), result.runs.end(),
                                 [](const SweepRun& run) { return run.pruned; });
  json["interrupted"] = result.interrupted;
  json["checkpoint"] = checkpoint_json(input.checkpoint, {result.resumed_from, result.resumable});
  json["seconds"] = {{"read", input.read_seconds}, {"sweep", result.seconds}};
  json["warnings"] = result.warnings;
  return json;
}

Json plan_json(const SweepPlan& plan, const SweepInput& input) {
  Json json{{"command", "sweep"}, {"version", version}, {"dry_run", true}};
  json["data"] = data_json(input);
  json["epochs"] = input.epochs;
  json["banks"] = plan.banks;
  json["passes"] = plan.passes;
  json["passes_one_by_one"] = plan.passes_one_by_one;
  json["runs"] = Json::array();
  for (const SweepCase& what : plan.cases) {
    Json entry = case_json(what);
    if (what.rate.over_curvature) {
      entry["learning_rate"] = nullptr;  // L is not known before the rows are looked at
    }
    json["runs"].push_back(std::move(entry));
  }
  json["warnings"] = plan.warnings;
  return json;
}

void print_sweep(const SweepResult& result, const SweepInput& input) {
  const auto diverged = std::count_if(result.runs.begin(), result.runs.end(), [](const auto& run) {
    return run.reason == Reason::diverged;
  });
  line("data", fmt::format("{}: {} rows, {} features", fmt::join(input.paths, " "),
                           format_count(input.rows), input.features));
  line(
      "problem",
      fmt::format(
          "{} loss, l2 {:.4g}{}{}, target {}; {} epochs a run", result.loss, result.l2,
          result.l1 > 0.0 ? fmt::format(", l1 {:.4g}", result.l1) : "",
          result.constraint.kind == ConstraintKind::none ? "" : ", " + to_string(result.constraint),
          input.target, input.epochs));
  line("device", fmt::format("{}: {}, {}{}", name(result.device.kind), result.device.name,
                             name(result.precision), engine_text(result.engine)));
  line("runs",
       fmt::format("{} in {} banks, {} diverged{}; {:.2f} s", result.runs.size(), result.plan.banks,
                   diverged, pruned_text(result) + (result.interrupted ? ", interrupted" : ""),
                   result.seconds));
  line("", fmt::format("{:.0f} reads of the rows instead of {:.0f} one by one", result.plan.passes,
                       result.plan.passes_one_by_one));
  line("optimum", fmt::format("{:.12g}: {}", result.optimum.objective, result.optimum.method));
  line("curvature", bound_text(result.largest_curvature));
  const std::vector<RankedMethod> ranking = rank_methods(result);
  print_checkpoint(input.checkpoint, {result.resumed_from, result.resumable}, result.interrupted);
  print_ranking(ranking, input.rows);
  const std::string again = command_again(result, input);
  if (!again.empty()) {
    fmt::print("\nThe best again: {}\n", again);
  }
}

void print_plan(const SweepPlan& plan, const SweepInput& input) {
  fmt::print("{} runs of {} epochs in {} banks on {} rows of {} features\n", plan.cases.size(),
             input.epochs, plan.banks, format_count(input.rows), input.features);
  fmt::print("{:.0f} reads of all rows, evaluations among them; one by one {:.0f}\n\n", plan.passes,
             plan.passes_one_by_one);
  fmt::print("{:>5}  {:>5}  {}\n", "run", "bank", "what");
  for (std::size_t i = 0; i < plan.cases.size(); ++i) {
    fmt::print("{:>5}  {:>5}  {}\n", i, plan.cases[i].bank, describe(plan.cases[i], plan.rows));
  }
}

void write_curves(const SweepResult& result, const std::string& path) {
  OutputFile file(path);
  file.write(
      "run,schedule,learning_rate,batch_size,rule,seed,step,epoch,seconds,objective,"
      "suboptimality,learning_rate_now,validation_loss,bytes_read,validation_regret\n");
  for (std::size_t i = 0; i < result.runs.size(); ++i) {
    const SweepRun& run = result.runs[i];
    const SweepCase& what = run.what;
    const std::string head =
        fmt::format("{},{},{},{},{},{}", i, quoted(schedule_text(what)),
                    what.schedule.learning_rate, what.batch_size, to_string(what.rule), what.seed);
    for (const SweepPoint& point : run.curve) {
      file.write(fmt::format("{},{},{},{:.6f},{},{},{},{},{:.0f},{}\n", head, point.step,
                             point.epoch, point.seconds, point.objective,
                             point.objective - result.optimum.objective, point.learning_rate,
                             or_empty(point.validation_loss), point.bytes_read,
                             or_empty(point.validation_loss - result.optimum.validation_loss)));
    }
  }
  file.commit();
}

}  // namespace steepest::cli
