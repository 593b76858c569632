// SPDX-License-Identifier: Apache-2.0
// steepest fit: a data set in, a model, its metrics and an honest account of the run out.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <cmath>
#include <memory>

#include "src/cli/checkpoint_options.hpp"
#include "src/cli/composite_options.hpp"
#include "src/cli/config_file.hpp"
#include "src/cli/data_options.hpp"
#include "src/cli/fit_report.hpp"
#include "src/cli/metrics_json.hpp"
#include "src/cli/page_options.hpp"
#include "src/cli/path_report.hpp"
#include "src/cli/problem_options.hpp"
#include "src/cli/progress_bar.hpp"
#include "src/cli/validation_options.hpp"
#include "src/report/fit_page.hpp"
#include "src/train/option_text.hpp"
#include "steepest/error.hpp"
#include "steepest/fit.hpp"

namespace steepest::cli {
namespace {

struct FitCommandOptions {
  DataOptions data;
  MemoryOptions memory;
  ProblemOptions problem;
  CompositeOptions composite;
  std::string rule = "auto";
  std::string schedule = "auto";
  std::string learning_rate = "auto";
  std::string preconditioner = "auto";
  std::string batch_size = "auto";
  std::string epochs;
  std::string tolerance_gradient;
  std::string tolerance_loss;
  std::string tolerance_step;
  std::string tolerance_gap;
  std::string patience;
  std::string max_seconds;
  ValidationOptions validation;
  CheckpointArguments checkpoint;
  PathOptions path;
  std::vector<std::string> stop_on_validation;  // empty: no; "": with the default
  bool inference = false;
  std::string initial_path;
  std::string history_path;
  std::string report_path;
  std::string config;
  std::string output;
};

FitOptions to_fit_options(const FitCommandOptions& given, const GlobalOptions& global) {
  FitOptions options;
  ProblemOptions problem = given.problem;
  if (given.path.add_to(options, problem.l2)) {
    problem.l2.clear();
  }
  problem.add_to(options, global);
  given.composite.add_to(options);
  if (given.rule != "auto") {
    options.rule = parse_rule(given.rule);
  }
  if (given.schedule != "auto") {
    options.schedule = parse_schedule(given.schedule);
  }
  options.learning_rate = optional_number("--learning-rate", given.learning_rate);
  if (given.preconditioner == "none" || given.preconditioner == "second-moment") {
    options.precondition = given.preconditioner == "second-moment";
  } else if (given.preconditioner != "auto") {
    throw OptionError(
        fmt::format("--preconditioner \"{}\" is not known: use auto, none or second-moment",
                    given.preconditioner));
  }
  if (given.batch_size != "auto" && given.batch_size != "full") {
    options.batch_size = count_at_least_one("--batch-size", given.batch_size);
  }
  if (!given.epochs.empty()) {
    options.epochs = count_at_least_one("--epochs", given.epochs);
  }
  options.max_seconds = optional_number("--max-seconds", given.max_seconds).value_or(0.0);
  options.tolerance_gradient = optional_number("--tolerance-gradient", given.tolerance_gradient);
  options.tolerance_loss = optional_number("--tolerance-loss", given.tolerance_loss);
  options.tolerance_step = optional_number("--tolerance-step", given.tolerance_step);
  options.tolerance_gap = optional_number("--tolerance-gap", given.tolerance_gap).value_or(0.0);
  if (!given.patience.empty()) {
    options.patience = count_at_least_one("--patience", given.patience);
  }
  options.checkpoint = given.checkpoint.options();
  if (!given.stop_on_validation.empty()) {
    constexpr std::int64_t default_patience = 10;
    const std::string& patience = given.stop_on_validation.front();
    options.stop_on_validation =
        patience.empty() ? default_patience : count_at_least_one("--stop-on-validation", patience);
  }
  options.inference = given.inference;
  if (given.inference && !given.problem.class_weight.empty()) {
    throw OptionError(
        "--inference takes weights for copies of rows, which class weights are not: leave "
        "--class-weight away");
  }
  if (!given.initial_path.empty()) {
    options.initial = std::make_shared<const Model>(load_model(given.initial_path));
  }
  return options;
}

FitCallback progress_on(ProgressBar& bar) {
  return [&bar](const FitProgress& now) {
    // Gradients fall by orders of magnitude, so the way to the tolerance is measured in logarithms.
    double fraction = now.epoch / static_cast<double>(now.epochs);
    if (now.gradient_tolerance > 0.0 && now.first_gradient_max_norm > now.gradient_tolerance &&
        now.gradient_max_norm > 0.0) {
      const double way = std::log(now.first_gradient_max_norm / now.gradient_tolerance);
      const double gone = std::log(now.first_gradient_max_norm / now.gradient_max_norm);
      fraction = std::max(fraction, gone / way);
    }
    bar.show(fraction, fmt::format("step {}  objective {:.6g}  gradient {:.2e} -> {:.2e}",
                                   format_count(now.step), now.objective, now.gradient_max_norm,
                                   now.gradient_tolerance));
    return !interrupted();
  };
}

std::string page_of(const FitRun& run, const report::RunFacts& facts) {
  report::FitSetting setting;
  setting.data = fmt::format("{}", fmt::join(run.paths, " "));
  setting.target = fmt::format("{}", fmt::join(run.result.model.schema.target_names, ","));
  setting.rows = run.rows;
  setting.read_seconds = run.read_seconds;
  if (run.validation) {
    setting.validation = {run.validation->linear, run.validation->softmax,
                          run.validation->diagnostics};
  }
  return report::fit_page(run.result, setting, facts);
}

int run_fit(CLI::App& app, const FitCommandOptions& given, const GlobalOptions& global) {
  read_config(app, given.config);
  const auto start = std::chrono::steady_clock::now();
  FitOptions options = to_fit_options(given, global);
  ReadOptions read = given.data.to_read_options();
  read.target_kind = given.problem.target_kind();
  require_target(read, "fit");
  std::vector<std::string> inputs = read.paths;
  inputs.push_back(given.validation.path);
  inputs.push_back(given.problem.class_weight_path());
  inputs.push_back(given.initial_path);
  inputs.push_back(given.config);
  check_outputs({given.output, given.history_path, given.report_path, given.data.rejects}, inputs);
  const RowStorage storage = given.memory.storage();
  options.memory_bytes = storage.memory_bytes;
  options.diagnostics = !given.report_path.empty();
  FitRun run;
  run.paths = read.paths;
  run.checkpoint = options.checkpoint;
  ReadRows data = read_with_progress(read, storage, global);
  run.bytes_read = data.bytes_read;
  run.rows_rejected = data.rows_rejected;
  run.read_seconds = data.read_seconds;
  run.target_note = target_note(*data.rows, given.problem.model == "auto" && !options.loss);
  const std::shared_ptr<RowSource> valid =
      given.validation.rows(read, given.memory, global, data.rows);
  options.memory_bytes = memory_beside(valid.get(), options.memory_bytes);
  run.class_weights = given.problem.weigh(data.rows);
  options.validation = valid;
  run.rows = data.rows->rows();
  run.streamed = data.rows->in_memory() == nullptr;
  {
    ProgressBar bar("fitting", !global.quiet);
    run.result = fit(std::move(data.rows), options, progress_on(bar));
  }
  if (valid != nullptr) {
    run.validation = measure(run.result.model, *valid, global.threads,
                             run.result.diagnostics ? &*run.result.diagnostics : nullptr);
  }
  const Reason reason = run.result.termination.reason;
  if (!given.output.empty() && reason != Reason::diverged) {
    save_model(run.result.model, given.output);
    run.model_path = given.output;
  }
  if (!given.history_path.empty()) {
    write_history(run.result, given.history_path);
  }
  if (!given.report_path.empty()) {
    report::write_page(
        page_of(run, run_facts(global, run.result.device, inputs, run.result.warnings)),
        given.report_path);
  }
  run.total_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  print_warnings(run.result.warnings, global);
  if (global.json) {
    print_json(fit_json(run));
  } else {
    print_fit(run);
  }
  return reason == Reason::diverged      ? exit_diverged
         : reason == Reason::interrupted ? exit_interrupted
                                         : exit_done;
}

}  // namespace

Command add_fit(CLI::App& parent, GlobalOptions& global) {
  CLI::App* app = parent.add_subcommand("fit", "Fit a linear or softmax regression");
  auto options = std::make_shared<FitCommandOptions>();
  add_data_options(*app, options->data, true);
  add_memory_options(*app, options->memory);
  add_problem_options(*app, options->problem);
  add_composite_options(*app, options->composite);
  app->get_option("--l2")->description(
      "L2 penalty; default: 0 for linear, 1 / sum of weights for softmax; or a path "
      "LO:HI:log|lin:COUNT to choose from, with --folds or validation rows");
  app->add_option("--rule", options->rule, "auto, " + join_choices(rule_names()))
      ->default_str("auto");
  app->add_option("--schedule", options->schedule,
                  "auto or NAME:key=value,... of " + schedule_names() +
                      "; parts that follow each other are joined by /, as in "
                      "constant:until=100/cosine")
      ->default_str("auto");
  app->add_option("--learning-rate", options->learning_rate,
                  "auto (from the curvature) or a number")
      ->default_str("auto");
  app->add_option("--preconditioner", options->preconditioner,
                  "auto, none or second-moment (steps in the metric of the Hessian's bound)")
      ->default_str("auto");
  app->add_option("--batch-size", options->batch_size, "auto, full or rows a step")
      ->default_str("auto");
  app->add_option("--epochs", options->epochs, "most passes over the data");
  app->add_option("--max-seconds", options->max_seconds, "most seconds of training in this start");
  app->add_option("--tolerance-gradient", options->tolerance_gradient,
                  "converged when no derivative is larger; 0: off");
  app->add_option(
      "--tolerance-loss", options->tolerance_loss,
      "converged when the objective falls by no larger share, --patience times in a row");
  app->add_option("--tolerance-step", options->tolerance_step,
                  "converged when no coefficient moves more, --patience times in a row");
  app->add_option("--tolerance-gap", options->tolerance_gap,
                  "converged when objective - optimum is proved to be no larger");
  app->add_option("--patience", options->patience, "times in a row; default 10");
  add_validation_options(*app, options->validation);
  add_checkpoint_options(*app, options->checkpoint);
  app->add_option("--stop-on-validation", options->stop_on_validation,
                  "stop when the loss on validation rows has not fallen for so many steps (full "
                  "batch) or epochs, and keep the best point; default 10")
      ->expected(0, 1)
      ->type_name("[PATIENCE]");
  add_path_options(*app, options->path);
  app->add_flag("--inference", options->inference,
                "standard errors, p-values and 95 % intervals; --l2 is 0 then");
  app->add_option("--init", options->initial_path, "model file to begin at");
  app->add_option("--history", options->history_path,
                  "CSV of objective and gradient, step by step");
  app->add_option("--config", options->config,
                  "JSON file of option names and values; the command line wins");
  add_report_option(*app, options->report_path);
  app->add_option("-o,--output", options->output, "model file (JSON)");
  app->footer(
      "Example: steepest fit diamonds.csv --target price --categorical cut,color,clarity "
      "-o model.json");
  return {app, [app, options, &global] { return run_fit(*app, *options, global); }};
}

}  // namespace steepest::cli
