// SPDX-License-Identifier: Apache-2.0
// steepest sweep: schedules, rates, batch sizes, rules and seeds side by side, by their regret.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <memory>
#include <string_view>
#include <utility>

#include "src/cli/progress_bar.hpp"
#include "src/cli/sweep_options.hpp"
#include "src/cli/sweep_report.hpp"
#include "steepest/error.hpp"
#include "steepest/output_file.hpp"

namespace steepest::cli {
namespace {

using Clock = std::chrono::steady_clock;

// Draws a bar on a terminal; elsewhere writes a line every few seconds.
class SweepView {
 public:
  explicit SweepView(bool enabled)
      : bar_("sweeping", enabled), lines_(enabled && isatty(STDERR_FILENO) == 0) {}

  bool show(const SweepProgress& now) {
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    std::string text = now.best.empty() && now.fraction <= 0.0
                           ? "finding the optimum"
                           : fmt::format("{}/{} done  {} diverged", now.done + now.diverged,
                                         now.runs, now.diverged);
    if (now.fraction > 0.0) {
      text += fmt::format("  {} left", format_seconds(seconds * (1.0 / now.fraction - 1.0)));
    }
    if (!now.best.empty()) {
      text += fmt::format("  best {:.3e}: {}", std::max(0.0, now.best_objective - now.optimum),
                          now.best);
    }
    bar_.show(now.fraction, text);
    if (lines_ && Clock::now() >= next_) {
      next_ = Clock::now() + std::chrono::seconds(5);
      fmt::print(stderr, "sweep {:3.0f}%  {}\n", 100.0 * now.fraction, text);
    }
    return !interrupted();
  }

 private:
  ProgressBar bar_;
  bool lines_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point next_ = Clock::now() + std::chrono::seconds(5);
};

int exit_code_of(const SweepResult& result) {
  if (result.interrupted) {
    return exit_interrupted;
  }
  const bool all_diverged =
      std::all_of(result.runs.begin(), result.runs.end(),
                  [](const auto& run) { return run.reason == Reason::diverged; });
  return all_diverged ? exit_diverged : exit_done;
}

int report(const SweepResult& result, const SweepInput& input, const SweepCommandOptions& given,
           const GlobalOptions& global) {
  if (!given.curves.empty()) {
    write_curves(result, given.curves);
  }
  const Json json = sweep_json(result, input);
  if (!given.output.empty()) {
    OutputFile file(given.output);
    file.write(json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
    file.commit();
  }
  print_warnings(result.warnings, global);
  if (global.json) {
    print_json(json);
  } else {
    print_sweep(result, input);
  }
  return exit_code_of(result);
}

// As a shell takes it.
std::string quoted(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("_-./:,=+@%").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) {
    return text;
  }
  std::string result = "'";
  for (const char c : text) {
    result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return result + "'";
}

// The options given that fit has too and a result does not tell.
std::string flags_of(const CLI::App& app) {
  constexpr std::string_view shared[] = {
      "--no-standardize", "--no-intercept", "--shuffle",         "--constant",
      "--storage",        "--class-weight", "--label-smoothing", "--valid",
      "--valid-fraction", "--features",     "--ignore",          "--categorical",
      "--weight",         "--delimiter",    "--header",          "--quote",
      "--escape",         "--comment",      "--decimal",         "--thousands",
      "--skip-lines",     "--na",           "--missing",         "--on-bad-row"};
  std::string flags;
  for (const CLI::Option* const option : app.get_options()) {
    const std::string name = option->get_name();
    if (option->count() == 0 ||
        std::find(std::begin(shared), std::end(shared), name) == std::end(shared)) {
      continue;
    }
    flags += " " + name;
    if (option->get_items_expected_max() > 0) {
      for (const std::string& value : option->results()) {
        flags += " " + quoted(value);
      }
    }
  }
  return flags;
}

int run_sweep(const CLI::App& app, SweepCommandOptions given, const GlobalOptions& global) {
  read_config(app, given);
  SweepOptions options = to_sweep_options(given, global);
  std::vector<std::string> inputs = given.data.paths;
  inputs.push_back(given.config);
  inputs.push_back(given.validation.path);
  inputs.push_back(given.problem.class_weight);
  check_outputs({given.output, given.curves}, inputs);
  ReadOptions read = given.data.to_read_options();
  read.target_kind = given.problem.target_kind();
  require_target(read, "sweep");
  const RowStorage storage = given.memory.storage();
  options.problem.memory_bytes = storage.memory_bytes;
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
  input.flags = flags_of(app);
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
  return report(result, input, given, global);
}

}  // namespace

Command add_sweep(CLI::App& parent, GlobalOptions& global) {
  CLI::App* app = parent.add_subcommand("sweep", "Compare schedules, rates and rules by regret");
  auto options = std::make_shared<SweepCommandOptions>();
  add_data_options(*app, options->data, true);
  add_memory_options(*app, options->memory);
  add_problem_options(*app, options->problem);
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
