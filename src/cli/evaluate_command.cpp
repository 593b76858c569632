// SPDX-License-Identifier: Apache-2.0
// steepest evaluate: a saved model's metrics on data with known targets.
#include <fmt/format.h>

#include <memory>

#include "src/cli/data_options.hpp"
#include "src/cli/metrics_json.hpp"
#include "src/cli/progress_bar.hpp"
#include "steepest/error.hpp"
#include "steepest/model.hpp"
#include "steepest/version.hpp"

namespace steepest::cli {
namespace {

struct EvaluateOptions {
  std::string model;
  DataOptions data;
  MemoryOptions memory;
  bool confusion = false;
};

void print_confusion(const Model& model, const std::vector<double>& confusion) {
  const std::vector<std::string>& classes = model.output_names();
  std::size_t width = 8;
  for (const std::string& name : classes) {
    width = std::max(width, name.size() + 2);
  }
  fmt::print("\nrows: the label, columns: the prediction\n{:<{}}", "", width);
  for (const std::string& name : classes) {
    fmt::print("{:>{}}", name, width);
  }
  fmt::print("\n");
  for (std::size_t label = 0; label < classes.size(); ++label) {
    fmt::print("{:<{}}", classes[label], width);
    for (std::size_t predicted = 0; predicted < classes.size(); ++predicted) {
      fmt::print("{:>{}.6g}", confusion[label * classes.size() + predicted], width);
    }
    fmt::print("\n");
  }
}

Json confusion_json(const Model& model, const std::vector<double>& confusion) {
  Json rows = Json::array();
  for (auto row = confusion.begin(); row != confusion.end(); row += model.outputs()) {
    rows.push_back(Json(std::vector<double>(row, row + model.outputs())));
  }
  return {{"classes", model.output_names()}, {"counts", rows}};
}

int run_evaluate(const EvaluateOptions& given, const GlobalOptions& global) {
  require_cpu(global, "evaluate");
  const Model model = load_model(given.model);
  if (given.confusion && model.kind != ModelKind::softmax) {
    throw OptionError("--confusion needs a softmax model: this one is linear");
  }
  ReadOptions read = given.data.to_read_options(&model.schema);
  read.target_kind = model.kind == ModelKind::softmax ? TargetKind::classes : TargetKind::numbers;
  std::vector<std::string> inputs = read.paths;
  inputs.push_back(given.model);
  check_outputs({given.data.rejects}, inputs);
  const ReadRows data = read_with_progress(read, given.memory.storage(), global, &model.schema);
  const Metrics metrics = measure(model, *data.rows, global.threads);
  const DeviceInfo device = list_devices().front();
  if (global.json) {
    Json json{{"command", "evaluate"}, {"version", version}, {"device", to_json(device)}};
    json["data"] = {{"rows", data.rows->rows()},
                    {"rows_rejected", data.rows_rejected},
                    {"features", model.features()},
                    {"outputs", model.outputs()},
                    {"bytes_read", data.bytes_read}};
    json["metrics"] = to_json(metrics);
    if (given.confusion) {
      json["confusion"] = confusion_json(model, metrics.confusion);
    }
    print_json(json);
    return exit_done;
  }
  fmt::print("{:<13}{}, {} rows\n", "data", fmt::join(read.paths, " "),
             format_count(data.rows->rows()));
  fmt::print("{:<13}{}: {}\n", "device", name(device.kind), device.name);
  fmt::print("{:<13}{}\n", "metrics", to_text(metrics));
  if (given.confusion) {
    print_confusion(model, metrics.confusion);
  }
  return exit_done;
}

}  // namespace

Command add_evaluate(CLI::App& parent, GlobalOptions& global) {
  CLI::App* app = parent.add_subcommand("evaluate", "Measure a saved model on data with targets");
  auto options = std::make_shared<EvaluateOptions>();
  app->add_option("MODEL", options->model, "model file written by fit -o")->required();
  add_data_options(*app, options->data, true);
  add_memory_options(*app, options->memory);
  app->add_flag("--confusion", options->confusion, "softmax: counts by label and prediction");
  app->footer("Example: steepest evaluate model.json test.csv --confusion");
  return {app, [options, &global] { return run_evaluate(*options, global); }};
}

}  // namespace steepest::cli
