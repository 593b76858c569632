// SPDX-License-Identifier: Apache-2.0
// steepest convert: text into a folder of NumPy arrays that fit takes without parsing.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <optional>
#include <utility>

#include "src/cli/checkpoint_options.hpp"
#include "src/cli/data_options.hpp"
#include "src/cli/progress_bar.hpp"
#include "steepest/convert.hpp"
#include "steepest/error.hpp"
#include "steepest/version.hpp"

namespace steepest::cli {
namespace {

struct ConvertOptions {
  DataOptions data;
  MemoryOptions memory;
  CheckpointArguments checkpoint;
  std::string model = "auto";
  std::string output;
};

TargetKind target_kind(const std::string& model) {
  if (model != "auto" && model != "linear" && model != "softmax") {
    throw OptionError(
        fmt::format("--model \"{}\" is not known: use auto, linear or softmax", model));
  }
  return model == "linear"    ? TargetKind::numbers
         : model == "softmax" ? TargetKind::classes
                              : TargetKind::automatic;
}

// The bar of what is being done: reading, then writing.
class Progress {
 public:
  explicit Progress(bool shown) : shown_(shown), bar_(std::in_place, "reading", shown) {}

  [[nodiscard]] ReadProgress reading() { return reading_progress(*bar_); }

  [[nodiscard]] WriteProgress writing() {
    return [this](std::int64_t rows, std::int64_t total) {
      if (interrupted()) {
        throw Interrupted{};
      }
      if (!writes_) {
        bar_.emplace("writing", shown_);
        writes_ = true;
      }
      bar_->show(static_cast<double>(rows) / static_cast<double>(total),
                 fmt::format("{} of {} rows", format_count(rows), format_count(total)));
    };
  }

 private:
  bool shown_;
  bool writes_ = false;
  std::optional<ProgressBar> bar_;
};

Json to_json(const ConvertOptions& given, const Conversion& made,
             const CheckpointOptions& checkpoint) {
  return {{"command", "convert"},
          {"version", version},
          {"data",
           {{"rows", made.rows},
            {"rows_rejected", made.rows_rejected},
            {"features", made.schema.feature_count()},
            {"outputs", made.outputs},
            {"bytes_read", made.bytes_read}}},
          {"output", given.output},
          {"checkpoint", checkpoint_json(checkpoint, {made.resumed_from, false})},
          {"seconds", {{"read", made.read_seconds}, {"write", made.write_seconds}}}};
}

void print_conversion(const ConvertOptions& given, const Conversion& made,
                      const CheckpointOptions& checkpoint) {
  print_line("data", fmt::format("{}: {} rows, {} features, {}", fmt::join(given.data.paths, " "),
                                 format_count(made.rows), format_count(made.schema.feature_count()),
                                 made.schema.classes.empty()
                                     ? fmt::format("{} numeric target{}", made.outputs,
                                                   made.outputs == 1 ? "" : "s")
                                     : fmt::format("{} classes", made.outputs)));
  if (made.rows_rejected > 0) {
    print_line("rejected", fmt::format("{} rows", format_count(made.rows_rejected)));
  }
  print_checkpoint(checkpoint, {made.resumed_from, false}, false);
  print_line("bytes", fmt::format("{}, read in {:.2f} s, written in {:.2f} s",
                                  format_bytes(static_cast<double>(made.bytes_read)),
                                  made.read_seconds, made.write_seconds));
  print_line("written", fmt::format("{}: features.npy, targets.npy{}, schema.json", given.output,
                                    made.has_weights ? ", weights.npy" : ""));
}

int run_convert(const ConvertOptions& given, const GlobalOptions& global) {
  require_cpu(global, "convert");
  ReadOptions options = given.data.to_read_options();
  options.target_kind = target_kind(given.model);
  options.threads = global.threads;
  if (options.targets.empty()) {
    throw OptionError("convert needs --target: the name or number of the column to predict");
  }
  check_outputs({given.data.rejects}, options.paths);
  const CheckpointOptions checkpoint = given.checkpoint.options();
  Conversion made;
  CutConversion cut;
  try {
    Progress progress(!global.quiet);
    made = convert(options, given.memory.storage(), given.output, checkpoint, progress.reading(),
                   progress.writing(), &cut);
  } catch (const Interrupted&) {
    print_warnings(cut.warnings, global);
    if (checkpoint.folder.empty()) {
      throw;
    }
    if (cut.unsaved) {
      throw Interrupted{
          fmt::format("interrupted: nothing was saved{}, so the same command begins anew",
                      cut.unsaved->empty() ? "" : fmt::format(" ({})", *cut.unsaved))};
    }
    throw Interrupted{"interrupted: the same command with --resume goes on"};
  } catch (...) {
    print_warnings(cut.warnings, global);
    throw;
  }
  print_warnings(made.warnings, global);
  if (global.json) {
    print_json(to_json(given, made, checkpoint));
  } else {
    print_conversion(given, made, checkpoint);
  }
  return exit_done;
}

}  // namespace

Command add_convert(CLI::App& parent, GlobalOptions& global) {
  CLI::App* app =
      parent.add_subcommand("convert", "Write a data set as NumPy arrays, to fit often");
  auto options = std::make_shared<ConvertOptions>();
  add_data_options(*app, options->data, true);
  add_memory_options(*app, options->memory);
  add_checkpoint_options(*app, options->checkpoint, /*has_steps=*/false);
  app->add_option("--model", options->model, "what the target is for: auto, linear or softmax")
      ->default_str("auto");
  app->add_option("-o,--output", options->output, "folder to write")->required();
  app->footer(
      "Example: steepest convert huge.csv.gz --target y -o huge && steepest fit huge\n"
      "         steepest convert huge.csv --target y -o huge --checkpoint state --resume");
  return {app, [options, &global] { return run_convert(*options, global); }};
}

}  // namespace steepest::cli
