// SPDX-License-Identifier: Apache-2.0
#include "src/cli/problem_options.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "src/train/option_text.hpp"
#include "steepest/class_weights.hpp"
#include "steepest/error.hpp"

namespace steepest::cli {

std::optional<double> optional_number(std::string_view option, const std::string& text) {
  if (text.empty() || text == "auto") {
    return std::nullopt;
  }
  return parse_option_number(option, text);
}

std::int64_t count_at_least_one(std::string_view option, const std::string& text) {
  const std::int64_t count = parse_option_count(option, text);
  if (count < 1) {
    throw OptionError(fmt::format("{} must be at least 1", option));
  }
  return count;
}

void ProblemOptions::add_to(FitOptions& options, const GlobalOptions& global) const {
  if (!loss.empty()) {
    options.loss = row_loss_named(loss);
  }
  options.l2 = optional_number("--l2", l2);
  options.label_smoothing = optional_number("--label-smoothing", label_smoothing).value_or(0.0);
  if (shuffle != "auto" && shuffle != "full") {
    throw OptionError(fmt::format("--shuffle \"{}\" is not known: use auto or full", shuffle));
  }
  options.shuffle_rows = shuffle == "full";
  options.standardize = !no_standardize;
  options.intercept = !no_intercept;
  if (constant != "error" && constant != "drop") {
    throw OptionError(fmt::format("--constant \"{}\" is not known: use error or drop", constant));
  }
  options.drop_constant = constant == "drop";
  options.seed = global.seed;
  options.device = parse_device(global.device);
  options.threads = global.threads;
  options.precision = parse_precision(precision);
  options.storage = parse_storage(storage);
  options.engine = parse_engine(engine);
  if (options.device.kind == DeviceChoice::Kind::cpu) {  // before the data are read
    check_engine(options.engine, DeviceKind::cpu);
  }
}

std::vector<double> ProblemOptions::weigh(std::shared_ptr<RowSource>& rows) const {
  if (class_weight.empty()) {
    return {};
  }
  if (!rows->classifies()) {
    throw OptionError(
        fmt::format("--class-weight needs a target of classes, but \"{}\" was read as numbers: "
                    "--model softmax",
                    fmt::join(rows->schema().target_names, ",")));
  }
  std::vector<double> weights = class_weight == "balanced"
                                    ? balanced_class_weights(*rows)
                                    : read_class_weights(class_weight, rows->schema().classes);
  rows = weigh_classes(std::move(rows), weights);
  return weights;
}

TargetKind ProblemOptions::target_kind() const {
  if (model != "auto" && model != "linear" && model != "softmax") {
    throw OptionError(
        fmt::format("--model \"{}\" is not known: use auto, linear or softmax", model));
  }
  if (loss.empty()) {
    return model == "linear"    ? TargetKind::numbers
           : model == "softmax" ? TargetKind::classes
                                : TargetKind::automatic;
  }
  const bool classes = classifies(row_loss_named(loss));
  if ((model == "linear" && classes) || (model == "softmax" && !classes)) {
    throw OptionError(fmt::format("--loss {} does not go with --model {}", loss, model));
  }
  return classes ? TargetKind::classes : TargetKind::numbers;
}

void add_problem_options(CLI::App& app, ProblemOptions& options) {
  app.add_option("--model", options.model, "auto, linear or softmax")->default_str("auto");
  app.add_option("--loss", options.loss,
                 join_choices(row_loss_names()) +
                     "; D is the error, in units of the target, from which on it counts linearly, "
                     "Q a level between 0 and 1; default: by the model");
  app.add_option("--l2", options.l2,
                 "L2 penalty; default: 0 for linear, 1 / sum of weights for softmax");
  app.add_option("--class-weight", options.class_weight,
                 "balanced (every class counts alike), or a CSV file of class,weight");
  app.add_option("--label-smoothing", options.label_smoothing,
                 "share A of every label that is spread over all classes, from 0 to below 1");
  app.add_option("--shuffle", options.shuffle,
                 "order of mini-batches: auto keeps some neighbours together where rows are short "
                 "and many, full shuffles every row")
      ->default_str("auto");
  app.add_option("--precision", options.precision,
                 "of products: auto, fp64 or fp32; tf32 or bf16 on a GPU")
      ->default_str("auto");
  app.add_option(
         "--storage", options.storage,
         "features in memory: auto (float32), float32, bfloat16, or uint8 for whole numbers "
         "from 0 to 255")
      ->default_str("auto");
  app.add_option("--engine", options.engine,
                 "how a GPU takes its steps: auto (products), products, fused, block, grid, "
                 "stream, graph, moments or line")
      ->default_str("auto");
  app.add_flag("--no-standardize", options.no_standardize, "train on the columns as they are");
  app.add_flag("--no-intercept", options.no_intercept, "leave the intercept at 0");
  app.add_option("--constant", options.constant, "columns that never change: error or drop")
      ->default_str("error");
}

void require_target(const ReadOptions& read, std::string_view command) {
  const bool folder = read.paths.size() == 1 && std::filesystem::is_directory(read.paths[0]);
  if (read.targets.empty() && !folder) {
    throw OptionError(
        fmt::format("{} needs --target: the name or number of the column to predict", command));
  }
}

}  // namespace steepest::cli
