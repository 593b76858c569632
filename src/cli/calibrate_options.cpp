// SPDX-License-Identifier: Apache-2.0
#include "src/cli/calibrate_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <string_view>

#include "src/cli/page_options.hpp"
#include "src/train/option_text.hpp"
#include "steepest/error.hpp"

namespace steepest::cli {
namespace {

// Logits beyond it are read once in blocks: loading them would take longer than it saves.
constexpr std::int64_t most_loaded_bytes = std::int64_t{1} << 30;

constexpr std::int64_t most_replicates = 100'000;

void check_labels(const CalibrateOptions& given, bool npy) {
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
  if (given.labels.empty() && given.data.targets.empty()) {
    throw OptionError(npy ? "calibrate needs --labels FILE: a .npy file of whole numbers, or text "
                            "with one a line"
                          : "calibrate needs --target, the column of labels, or --labels FILE");
  }
  if (!given.labels.empty() && !given.data.targets.empty()) {
    throw OptionError("--labels and --target both name the labels: give one of them");
  }
}

void check_method(const CalibrateOptions& given) {
  const bool temperature = given.scaling_method() == ScalingMethod::temperature;
  if (!temperature && (given.smoothing > 0.0 || given.smooth_labels)) {
    throw OptionError("--smoothing and --smooth-labels go with --method temperature");
  }
  if (temperature && given.penalty != "auto") {
    throw OptionError("--penalty goes with --method vector or matrix: a temperature has none");
  }
  if (given.smoothing > 0.0 && given.smooth_labels) {
    throw OptionError("--smooth-labels chooses what --smoothing gives: use one of them");
  }
  if (given.bootstrap < 0 || given.bootstrap > most_replicates) {
    throw OptionError(fmt::format("--bootstrap {} is not a number of replicates from 0 to {}",
                                  given.bootstrap, most_replicates));
  }
  if (!given.group.empty() && (!temperature || !given.into.empty())) {
    throw OptionError("--group goes with --method temperature, and not with --into");
  }
  if (!given.into.empty() && !temperature && parse_logit_input(given.input) != LogitInput::logits) {
    throw OptionError(
        "--into with --method vector or matrix needs the model's own logits: write them with "
        "predict --logits");
  }
}

}  // namespace

bool CalibrateOptions::is_npy() const {
  if (data.paths.size() != 1 || data.paths[0] == "-") {
    return false;
  }
  std::ifstream file(data.paths[0], std::ios::binary);
  std::string begin(6, '\0');
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  return std::string_view(data.paths[0]).ends_with(".npy") || begin == "\x93NUMPY";
}

CalibratedOutput CalibrateOptions::apply_output() const {
  if (apply_as != "probs" && apply_as != "logits") {
    throw OptionError(fmt::format("--apply-as \"{}\" is not known: use probs or logits", apply_as));
  }
  return apply_as == "probs" ? CalibratedOutput::probabilities : CalibratedOutput::logits;
}

void CalibrateOptions::check() const {
  (void)apply_output();
  if (!data.weight.empty()) {
    throw OptionError("calibrate takes no --weight: every row counts once");
  }
  if (!apply.empty() && data.bad_rows == "skip") {
    throw OptionError("--apply writes every row: it does not go with --on-bad-row skip");
  }
  check_method(*this);
  check_labels(*this, is_npy());
  std::vector<std::string> inputs = data.paths;
  inputs.push_back(labels);
  if (is_npy()) {
    inputs.push_back(group);
  }
  check_outputs({data.rejects, apply, bins, report, into, output == into ? "" : output}, inputs);
}

CalibrationOptions CalibrateOptions::calibration(const LogitRows& rows,
                                                 const GlobalOptions& global) const {
  CalibrationOptions options;
  // As though, to the rows of a label, one row of every class had been added.
  const auto classes = static_cast<double>(rows.classes());
  options.smoothing =
      smooth_labels ? classes / (static_cast<double>(rows.rows()) + classes) : smoothing;
  options.input = parse_logit_input(input);
  if (data.bad_rows != "error" && data.bad_rows != "skip") {
    throw OptionError(
        fmt::format("--on-bad-row \"{}\" is not known: use error or skip", data.bad_rows));
  }
  options.bad_rows = data.bad_rows == "skip" ? BadRowPolicy::skip : BadRowPolicy::error;
  options.storage = memory.storage();
  if (memory.memory.empty() && scaling_method() == ScalingMethod::temperature) {
    options.storage.memory_bytes = std::min(options.storage.memory_bytes, most_loaded_bytes);
  }
  options.threads = global.threads;
  options.device = parse_device(global.device);
  options.bootstrap = bootstrap;
  constexpr int points_of_a_picture = 41;
  options.curve_points = report.empty() ? 0 : points_of_a_picture;
  options.seed = global.seed;
  return options;
}

AffineOptions CalibrateOptions::affine(const LogitRows& rows, const GlobalOptions& global) const {
  AffineOptions options;
  options.method = scaling_method();
  if (penalty != "auto") {
    options.penalty = parse_option_number("--penalty", penalty);
  }
  options.valid_fraction = valid_fraction;
  options.temperature = calibration(rows, global);
  return options;
}

void add_calibrate_options(CLI::App& app, CalibrateOptions& options) {
  add_data_options(app, options.data, true);
  add_memory_options(app, options.memory);
  app.add_option("--labels", options.labels,
                 "labels beside the logits: .npy of whole numbers, or text with one a line");
  app.add_option("--input", options.input,
                 "what DATA holds, a column a class: logits, logprobs or probs; one column is "
                 "the score of class 1 of two")
      ->default_str("logits");
  app.add_option("--method", options.method,
                 "temperature; vector: a factor and an intercept a class; matrix")
      ->default_str("temperature");
  app.add_option("--smoothing", options.smoothing,
                 "label smoothing in [0, 1): the share of a label spread over all classes")
      ->default_str("0");
  app.add_flag("--smooth-labels", options.smooth_labels,
               "as though of n + K rows, K classes, K had a label drawn evenly");
  app.add_option("--penalty", options.penalty,
                 "vector, matrix: on intercepts and off the diagonal; auto: chosen on rows held "
                 "out")
      ->default_str("auto");
  app.add_option("--valid-fraction", options.valid_fraction,
                 "vector, matrix: share of rows that the penalty is chosen on")
      ->default_str("0.2");
  app.add_option("--group", options.group,
                 "a temperature for every group of rows too: a column of text data; beside .npy a "
                 "file, .npy of whole numbers or text with a name a line");
  app.add_option("--bootstrap", options.bootstrap,
                 "replicates for intervals of T and ECE: 200, say")
      ->default_str("0");
  app.add_option("--apply", options.apply, ".npy to write: the calibrated rows");
  app.add_option("--apply-as", options.apply_as, "what --apply writes: probs or logits")
      ->default_str("probs");
  add_report_option(app, options.report);
  app.add_option("--bins", options.bins, "CSV to write: confidence and accuracy of every bin");
  app.add_option("--into", options.into,
                 "softmax model of fit to put the calibration into; -o names another file for it");
  app.add_option("-o,--output", options.output,
                 "JSON to write: the calibration, or with --into the model");
}

namespace {

bool is_column_of(const std::string& column, const std::string& label) {
  return column == label || column == "logit_" + label || column == "proba_" + label;
}

// Factors of a vector or matrix belong to columns: those have to be the classes in their order.
void check_order(const CalibrateOptions& options, const std::vector<std::string>& labels,
                 const std::vector<std::string>& columns) {
  for (std::size_t k = 0; k < columns.size() && k < labels.size(); ++k) {
    for (const std::string& label : labels) {
      if (is_column_of(columns[k], label) && !is_column_of(columns[k], labels[k])) {
        throw InputError(
            Location{options.into},
            fmt::format(
                "has the class \"{}\" at place {}, where the logits have the column \"{}\": "
                "put their columns in the order of the model's classes",
                labels[k], k + 1, columns[k]));
      }
    }
  }
}

}  // namespace

Model model_to_calibrate(const CalibrateOptions& options, std::int64_t classes,
                         const std::vector<std::string>& columns) {
  Model model = load_model(options.into);
  if (model.kind != ModelKind::softmax) {
    throw InputError(Location{options.into}, "is a linear model: only class scores are calibrated");
  }
  if (model.outputs() != classes) {
    throw InputError(
        Location{options.into},
        fmt::format("has {} classes, and the logits have {}: they are not this model's",
                    model.outputs(), classes));
  }
  check_order(options, model.output_names(), columns);
  if (model.calibration && parse_logit_input(options.input) != LogitInput::logits) {
    throw OptionError(fmt::format(
        "{} is calibrated, and so are the probabilities it predicts: calibrate what predict "
        "--logits writes",
        options.into));
  }
  return model;
}

}  // namespace steepest::cli
