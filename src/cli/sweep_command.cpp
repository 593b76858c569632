// SPDX-License-Identifier: Apache-2.0
// steepest sweep: schedules, rates, batch sizes, rules and seeds side by side, by their regret.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <string_view>
#include <utility>

#include "src/cli/page_options.hpp"
#include "src/cli/progress_bar.hpp"
#include "src/cli/sweep_options.hpp"
#include "src/cli/sweep_report.hpp"
#include "src/cli/sweep_view.hpp"
#include "src/report/sweep_page.hpp"
#include "steepest/error.hpp"
#include "steepest/output_file.hpp"

namespace steepest::cli {
namespace {

int exit_code_of(const SweepResult& result) {
  if (result.interrupted) {
    return exit_interrupted;
  }
  const bool all_diverged =
      std::all_of(result.runs.begin(), result.runs.end(),
                  [](const auto& run) { return run.reason == Reason::diverged; });
  return all_diverged ? exit_diverged : exit_done;
}

void write_json(const Json& json, const std::string& path) {
  OutputFile file(path);
  file.write(json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
  file.commit();
}

report::SweepSetting setting_of(const SweepResult& result, const SweepInput& input,
                                const SweepCommandOptions& given) {
  report::SweepSetting setting;
  setting.data = fmt::format("{}", fmt::join(input.paths, " "));
  setting.target = input.target;
  setting.rows = input.rows;
  setting.features = input.features;
  setting.epochs = input.epochs;
  setting.label_smoothing =
      optional_number("--label-smoothing", given.problem.label_smoothing).value_or(0.0);
  setting.class_weight = given.problem.class_weight;
  setting.validation = !given.validation.path.empty() ? given.validation.path
                       : given.validation.fraction.empty()
                           ? ""
                           : given.validation.fraction + " of the rows, held back";
  setting.again = command_again(result, input);
  return setting;
}

int tell(const SweepResult& result, const SweepInput& input, const SweepCommandOptions& given,
         const std::vector<std::string>& files, const GlobalOptions& global) {
  if (!given.curves.empty()) {
    write_curves(result, given.curves);
  }
  const Json json = sweep_json(result, input);
  if (!given.output.empty()) {
    write_json(json, given.output);
  }
  if (!given.best.empty()) {
    const Json best = best_config(result, input);
    if (best.is_null()) {
      print_warnings({given.best + " is not written: no run ended well"}, global);
    } else {
      write_json(best, given.best);
    }
  }
  if (!given.report.empty()) {
    report::write_page(report::sweep_page(result, setting_of(result, input, given),
                                          run_facts(global, result.device, files, result.warnings)),
                       given.report);
  }
  print_warnings(result.warnings, global);
  if (global.json) {
    print_json(json);
  } else {
    print_sweep(result, input);
  }
  return exit_code_of(result);
}

// The options given that fit has too and a result does not tell: where the data are read, how they
// are held, on which rows and which device runs are made.
Json flags_of(const CLI::App& app, const GlobalOptions& global) {
  constexpr std::string_view own[] = {
      "--target",     "--model",   "--loss",      "--l2",         "--l1",
      "--constraint", "--seed",    "--precision", "--batch-size", "--epochs",
      "--config",     "--report",  "--output",    "--checkpoint", "--checkpoint-every",
      "--resume",     "--rejects", "--memory",    "--cache",      "--threads",
      "--quiet",      "--json"};
  const CLI::App* const fit = app.get_parent()->get_subcommand("fit");
  Json flags = Json::object();
  for (const CLI::Option* const option : app.get_options()) {
    const std::string name = option->get_name();
    if (option->count() == 0 || fit->get_option_no_throw(name) == nullptr ||
        option->get_lnames().empty() ||
        std::find(std::begin(own), std::end(own), name) != std::end(own)) {
      continue;
    }
    flags[config_key(*option)] =
        option->get_items_expected_max() > 0 ? Json(option->results().back()) : Json(true);
  }
  if (flags.contains("valid_fraction") && !flags.contains("valid_seed")) {
    flags["valid_seed"] = global.seed;  // a run's own may be another
  }
  return flags;
}

int run_sweep(CLI::App& app, SweepCommandOptions& given, const GlobalOptions& global) {
  read_config(app, given.config, sweep_config_aliases());
  SweepOptions options = to_sweep_options(given, global);
  std::vector<std::string> inputs = given.data.paths;
  inputs.push_back(given.config);
  inputs.push_back(given.validation.path);
  inputs.push_back(given.problem.class_weight_path());
  check_outputs({given.output, given.curves, given.report, given.best, given.data.rejects}, inputs);
  ReadOptions read = given.data.to_read_options();
  read.target_kind = given.problem.target_kind();
  require_target(read, "sweep");
  const RowStorage storage = given.memory.storage();
  options.problem.memory_bytes = storage.memory_bytes;
  options.cache_folder = storage.folder;
  ReadRows data = read_with_progress(read, storage, global);
  const std::shared_ptr<RowSource> valid =
      given.validation.rows(read, given.memory, global, data.rows);
  options.problem.memory_bytes = memory_beside(valid.get(), options.problem.memory_bytes);
  static_cast<void>(given.problem.weigh(data.rows));
  SweepInput input;
  input.paths = read.paths;
  input.target = fmt::format("{}", fmt::join(data.rows->schema().target_names, ","));
  input.rows = data.rows->rows();
  input.features = data.rows->feature_count();
  input.outputs = data.rows->outputs();
  input.bytes_read = data.bytes_read;
  input.read_seconds = data.read_seconds;
  input.epochs = options.epochs;
  input.flags = flags_of(app, global);
  input.checkpoint = options.problem.checkpoint;
  if (given.dry_run) {
    const SweepPlan plan = plan_sweep(*data.rows, options);
    print_warnings(plan.warnings, global);
    if (global.json) {
      print_json(plan_json(plan, input));
    } else {
      print_plan(plan, input);
    }
    return exit_done;
  }
  SweepResult result;
  {
    SweepView view(!global.quiet);
    result = sweep(
        std::move(data.rows), options, [&view](const SweepProgress& now) { return view.show(now); },
        valid);
  }
  return tell(result, input, given, inputs, global);
}

}  // namespace

Command add_sweep(CLI::App& parent, GlobalOptions& global) {
  CLI::App* app = parent.add_subcommand("sweep", "Compare schedules, rates and rules by regret");
  auto options = std::make_shared<SweepCommandOptions>();
  add_data_options(*app, options->data, true);
  add_memory_options(*app, options->memory);
  add_problem_options(*app, options->problem);
  add_composite_options(*app, options->composite);
  add_validation_options(*app, options->validation);
  add_sweep_options(*app, *options);
  app->footer(
      "Every combination is run, all that share batch size and seed in one read of the data. "
      "Regret is the objective minus its optimum, which is computed first.\n"
      "Example: steepest sweep diamonds.csv --target price --categorical cut,color,clarity "
      "--schedules constant,cosine,silver "
      "--learning-rates 0.125/L:4/L:log:6 --epochs 50 --curves curves.csv -o results.json");
  return {app, [app, options, &global] { return run_sweep(*app, *options, global); }};
}

}  // namespace steepest::cli
