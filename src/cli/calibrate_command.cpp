// SPDX-License-Identifier: Apache-2.0
// steepest calibrate: the temperature under which scores mean what they say.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string_view>
#include <utility>

#include "src/cli/calibrate_report.hpp"
#include "src/cli/data_options.hpp"
#include "src/cli/progress_bar.hpp"
#include "steepest/calibrate.hpp"
#include "steepest/error.hpp"

namespace steepest::cli {
namespace {

// Logits beyond it are read once in blocks: loading them would take longer than it saves.
constexpr std::int64_t most_loaded_bytes = std::int64_t{1} << 30;

struct CalibrateCommandOptions {
  DataOptions data;
  MemoryOptions memory;
  std::string labels;
  std::string input = "logits";
  std::string method = "temperature";
  double smoothing = 0.0;
  std::string apply;
  std::string apply_as = "probs";
  std::string bins;
  std::string output;
};

CalibratedOutput parse_apply_as(const std::string& text) {
  if (text != "probs" && text != "logits") {
    throw OptionError(fmt::format("--apply-as \"{}\" is not known: use probs or logits", text));
  }
  return text == "probs" ? CalibratedOutput::probabilities : CalibratedOutput::logits;
}

bool is_npy(const std::vector<std::string>& paths) {
  if (paths.size() != 1 || paths[0] == "-") {
    return false;
  }
  std::ifstream file(paths[0], std::ios::binary);
  std::string begin(6, '\0');
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  return std::string_view(paths[0]).ends_with(".npy") || begin == "\x93NUMPY";
}

void check_options(const CalibrateCommandOptions& given, bool npy) {
  if (given.method != "temperature") {
    throw OptionError(fmt::format("--method \"{}\" is not known: use temperature", given.method));
  }
  if (!given.data.weight.empty()) {
    throw OptionError("calibrate takes no --weight: every row counts once");
  }
  if (npy && !given.data.targets.empty()) {
    throw OptionError("a .npy file has no columns with names: give its labels with --labels FILE");
  }
  for (const std::string* const text :
       {&given.data.features, &given.data.ignore, &given.data.categorical, &given.data.delimiter,
        &given.data.missing, &given.data.missing_texts}) {
    if (npy && !text->empty()) {
      throw OptionError(fmt::format(
          "\"{}\" is an option of tables: a .npy file has no columns with names and no text",
          *text));
    }
  }
  if (!given.apply.empty() && given.data.bad_rows == "skip") {
    throw OptionError("--apply writes every row: it does not go with --on-bad-row skip");
  }
  if (given.labels.empty() && given.data.targets.empty()) {
    throw OptionError(npy ? "calibrate needs --labels FILE: a .npy file of whole numbers, or text "
                            "with one a line"
                          : "calibrate needs --target, the column of labels, or --labels FILE");
  }
  if (!given.labels.empty() && !given.data.targets.empty()) {
    throw OptionError("--labels and --target both name the labels: give one of them");
  }
}

struct Logits {
  std::unique_ptr<LogitRows> rows;
  std::int64_t text_bytes = 0;  // read as text
  double read_seconds = 0.0;    // for that
};

Logits open(const CalibrateCommandOptions& given, bool npy, const GlobalOptions& global) {
  const LogitInput input = parse_logit_input(given.input);
  if (npy) {
    return {open_logits(given.data.paths[0], given.labels, input), 0, 0.0};
  }
  ReadOptions read = given.data.to_read_options();
  read.target_kind = TargetKind::classes;
  const ReadRows table = read_with_progress(read, given.memory.storage(), global);
  return {logits_of_table(table.rows, fmt::format("{}", fmt::join(read.paths, " ")), given.labels,
                          input),
          table.bytes_read, table.read_seconds};
}

CalibrationOptions calibration_options(const CalibrateCommandOptions& given,
                                       const GlobalOptions& global) {
  CalibrationOptions options;
  options.smoothing = given.smoothing;
  options.input = parse_logit_input(given.input);
  if (given.data.bad_rows != "error" && given.data.bad_rows != "skip") {
    throw OptionError(
        fmt::format("--on-bad-row \"{}\" is not known: use error or skip", given.data.bad_rows));
  }
  options.bad_rows = given.data.bad_rows == "skip" ? BadRowPolicy::skip : BadRowPolicy::error;
  options.storage = given.memory.storage();
  if (given.memory.memory.empty()) {
    options.storage.memory_bytes = std::min(options.storage.memory_bytes, most_loaded_bytes);
  }
  options.threads = global.threads;
  return options;
}

void apply(const CalibrateCommandOptions& given, const Calibration& calibration,
           const LogitRows& rows, const GlobalOptions& global) {
  if (calibration.status == CalibrationStatus::zero ||
      calibration.status == CalibrationStatus::infinite) {
    throw InputError(
        fmt::format("{}: nothing to apply, since the status is {}: no finite temperature above 0 "
                    "is best for these rows",
                    given.apply, name(calibration.status)));
  }
  ProgressBar bar("applying", !global.quiet);
  write_calibrated(rows, calibration.beta, parse_apply_as(given.apply_as), given.apply,
                   global.threads, reading_progress(bar));
}

int run_calibrate(const CalibrateCommandOptions& given, const GlobalOptions& global) {
  using Clock = std::chrono::steady_clock;
  require_cpu(global, "calibrate");
  const bool npy = is_npy(given.data.paths);
  check_options(given, npy);
  parse_apply_as(given.apply_as);
  std::vector<std::string> inputs = given.data.paths;
  inputs.push_back(given.labels);
  check_outputs({given.apply, given.output, given.bins}, inputs);
  const CalibrationOptions options = calibration_options(given, global);
  const Clock::time_point start = Clock::now();
  const Logits logits = open(given, npy, global);
  Calibration calibration;
  {
    ProgressBar bar("calibrating", !global.quiet);
    calibration = calibrate_temperature(*logits.rows, options, reading_progress(bar));
  }
  CalibrateRun run;
  run.source = fmt::format("{}", fmt::join(given.data.paths, " "));
  run.bytes_read = npy ? logits.rows->bytes_read() : logits.text_bytes;
  run.read_seconds = logits.read_seconds + calibration.load_seconds;
  run.total_seconds = std::chrono::duration<double>(Clock::now() - start).count();
  print_warnings(calibration.warnings, global);
  if (!given.apply.empty()) {  // before the others: it can fail where they cannot
    apply(given, calibration, *logits.rows, global);
    run.applied = given.apply;
  }
  if (!given.output.empty()) {
    save_calibration(calibration, given.output);
  }
  if (!given.bins.empty()) {
    save_bins(calibration, given.bins);
  }
  if (global.json) {
    print_json(calibration_json(calibration, run));
  } else {
    print_calibration(calibration, run);
  }
  return exit_done;
}

}  // namespace

Command add_calibrate(CLI::App& parent, GlobalOptions& global) {
  CLI::App* app =
      parent.add_subcommand("calibrate", "Find the temperature that calibrates class scores");
  auto options = std::make_shared<CalibrateCommandOptions>();
  add_data_options(*app, options->data, true);
  add_memory_options(*app, options->memory);
  app->add_option("--labels", options->labels,
                  "labels beside the logits: .npy of whole numbers, or text with one a line");
  app->add_option("--input", options->input,
                  "what DATA holds, a column a class: logits, logprobs or probs; one column is "
                  "the score of class 1 of two")
      ->default_str("logits");
  app->add_option("--method", options->method, "temperature")->default_str("temperature");
  app->add_option("--smoothing", options->smoothing,
                  "label smoothing in [0, 1): the share of a label spread over all classes")
      ->default_str("0");
  app->add_option("--apply", options->apply, ".npy to write: the calibrated rows");
  app->add_option("--apply-as", options->apply_as, "what --apply writes: probs or logits")
      ->default_str("probs");
  app->add_option("--bins", options->bins, "CSV to write: confidence and accuracy of every bin");
  app->add_option("-o,--output", options->output, "JSON to write: the calibration");
  app->footer(
      "DATA is a .npy file, rows x classes, float16, float32 or float64, or text with --target.\n"
      "Example: steepest calibrate logits.npy --labels labels.npy -o calibration.json\n"
      "         steepest calibrate scores.csv --target label --bins bins.csv");
  return {app, [options, &global] { return run_calibrate(*options, global); }};
}

}  // namespace steepest::cli
