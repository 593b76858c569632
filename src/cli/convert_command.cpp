// SPDX-License-Identifier: Apache-2.0
// steepest convert: text into a folder of NumPy arrays that fit takes without parsing.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>

#include "src/cli/data_options.hpp"
#include "src/cli/progress_bar.hpp"
#include "steepest/error.hpp"
#include "steepest/table_folder.hpp"
#include "steepest/version.hpp"

namespace steepest::cli {
namespace {

struct ConvertOptions {
  DataOptions data;
  MemoryOptions memory;
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

WriteProgress writing_progress(ProgressBar& bar) {
  return [&bar](std::int64_t rows, std::int64_t total) {
    if (interrupted()) {
      throw Interrupted{};
    }
    bar.show(static_cast<double>(rows) / static_cast<double>(total),
             fmt::format("{} of {} rows", format_count(rows), format_count(total)));
  };
}

int run_convert(const ConvertOptions& given, const GlobalOptions& global) {
  require_cpu(global, "convert");
  ReadOptions options = given.data.to_read_options();
  options.target_kind = target_kind(given.model);
  if (options.targets.empty()) {
    throw OptionError("convert needs --target: the name or number of the column to predict");
  }
  check_outputs({given.data.rejects}, options.paths);
  const ReadRows read = read_with_progress(options, given.memory.storage(), global);
  const RowSource& rows = *read.rows;
  {
    ProgressBar bar("writing", !global.quiet);
    write_table(rows, given.output, writing_progress(bar));
  }
  if (global.json) {
    print_json({{"command", "convert"},
                {"version", version},
                {"data",
                 {{"rows", rows.rows()},
                  {"rows_rejected", read.rows_rejected},
                  {"features", rows.feature_count()},
                  {"outputs", rows.outputs()},
                  {"bytes_read", read.bytes_read}}},
                {"output", given.output},
                {"seconds", {{"read", read.read_seconds}}}});
    return exit_done;
  }
  fmt::print("{:<13}{}: {} rows, {} features, {}\n", "data", fmt::join(options.paths, " "),
             format_count(rows.rows()), format_count(rows.feature_count()),
             rows.classifies() ? fmt::format("{} classes", rows.outputs())
                               : fmt::format("{} numeric target{}", rows.outputs(),
                                             rows.outputs() == 1 ? "" : "s"));
  if (read.rows_rejected > 0) {
    fmt::print("{:<13}{} rows\n", "rejected", format_count(read.rows_rejected));
  }
  fmt::print("{:<13}{}, read in {:.2f} s\n", "bytes",
             format_bytes(static_cast<double>(read.bytes_read)), read.read_seconds);
  fmt::print("{:<13}{}: features.npy, targets.npy{}, schema.json\n", "written", given.output,
             rows.has_weights() ? ", weights.npy" : "");
  return exit_done;
}

}  // namespace

Command add_convert(CLI::App& parent, GlobalOptions& global) {
  CLI::App* app =
      parent.add_subcommand("convert", "Write a data set as NumPy arrays, to fit often");
  auto options = std::make_shared<ConvertOptions>();
  add_data_options(*app, options->data, true);
  add_memory_options(*app, options->memory);
  app->add_option("--model", options->model, "what the target is for: auto, linear or softmax")
      ->default_str("auto");
  app->add_option("-o,--output", options->output, "folder to write")->required();
  app->footer("Example: steepest convert huge.csv.gz --target y -o huge && steepest fit huge");
  return {app, [options, &global] { return run_convert(*options, global); }};
}

}  // namespace steepest::cli
