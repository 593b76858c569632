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
  if (!given.has_labels() && given.use.empty()) {
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
  if (!given.group.empty() && !temperature) {
    throw OptionError("--group goes with --method temperature: a vector or matrix has none");
  }
  if (!given.group.empty() && !given.into.empty()) {
    throw OptionError(
        "a model holds one scaling for all rows: save temperatures by group with -o FILE, and "
        "apply them with --use FILE --group");
  }
  if (given.valid_fraction && !(*given.valid_fraction > 0.0 && *given.valid_fraction < 1.0)) {
    throw OptionError(fmt::format("--valid-fraction {} is not in (0, 1)", *given.valid_fraction));
  }
  if (given.valid_fraction && !given.group.empty()) {
    throw OptionError(
        "--valid-fraction does not go with --group: put rows aside, and judge on "
        "them with --use");
  }
  if (!given.into.empty() && !temperature && parse_logit_input(given.input) != LogitInput::logits) {
    throw OptionError(
        "--into with --method vector or matrix needs the model's own logits: write them with "
        "predict --logits");
  }
}

// A calibration that is there needs nothing that makes one.
void check_use(const CalibrateOptions& given) {
  if (given.use.empty()) {
    return;
  }
  const bool fits = !given.method.empty() || given.smoothing > 0.0 || given.smooth_labels ||
                    given.penalty != "auto" || given.valid_fraction;
  if (fits || !given.into.empty() || !given.output.empty()) {
    throw OptionError(
        "--use applies a calibration that is there: --method, --smoothing, --smooth-labels, "
        "--penalty, --valid-fraction, --into and -o make one");
  }
  if (!given.has_labels() && given.apply.empty()) {
    throw OptionError("--use needs labels to judge by, --apply FILE to write to, or both");
  }
  if (!given.has_labels() &&
      (given.bootstrap > 0 || !given.bins.empty() || !given.report.empty())) {
    throw OptionError("--bootstrap, --bins and --report need labels to judge by");
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
  check_use(*this);
  check_labels(*this, is_npy());
  std::vector<std::string> inputs = data.paths;
  inputs.insert(inputs.end(), {labels, use});
  if (is_npy()) {
    inputs.push_back(group);
  }
  check_outputs({data.rejects, apply, bins, report, into, output == into ? "" : output}, inputs);
}

CalibrationOptions CalibrateOptions::calibration(const LogitRows& rows,
                                                 const GlobalOptions& global) const {
  CalibrationOptions options;
  // As though K rows had been added whose scores are the others' and whose labels are drawn evenly.
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
  const bool one_temperature =
      scaling_method() == ScalingMethod::temperature && group.empty() && use.empty();
  options.curve_points = report.empty() || !one_temperature ? 0 : points_of_a_picture;
  options.seed = global.seed;
  if (scaling_method() == ScalingMethod::temperature && use.empty()) {
    options.valid_fraction = valid_fraction.value_or(0.0);
  }
  return options;
}

AffineOptions CalibrateOptions::affine(const LogitRows& rows, const GlobalOptions& global) const {
  AffineOptions options;
  options.method = scaling_method();
  if (penalty != "auto") {
    options.penalty = parse_option_number("--penalty", penalty);
  }
  options.valid_fraction = valid_fraction.value_or(options.valid_fraction);
  options.temperature = calibration(rows, global);
  return options;
}

void add_calibrate_options(CLI::App& app, CalibrateOptions& options) {
  add_data_options(app, options.data, true);
  add_memory_options(app, options.memory);
  const auto add = [&app](const char* names, auto& value, const char* help,
                          const char* otherwise = "") {
    CLI::Option* const option = app.add_option(names, value, help);
    if (*otherwise != '\0') {
      option->default_str(otherwise);
    }
  };
  add("--labels", options.labels,
      "labels beside the logits: .npy of whole numbers, or text with one a line");
  add("--input", options.input,
      "what DATA holds, a column a class: logits, logprobs or probs; one column is the score of "
      "class 1 of two",
      "logits");
  add("--method", options.method, "temperature; vector: a factor and an intercept a class; matrix",
      "temperature");
  add("--smoothing", options.smoothing,
      "label smoothing in [0, 1): the share of a label spread over all classes", "0");
  app.add_flag("--smooth-labels", options.smooth_labels,
               "as though of n + K rows, K classes, K had a label drawn evenly");
  add("--penalty", options.penalty,
      "vector, matrix: on intercepts and off the diagonal; auto: chosen on rows held out", "auto");
  add("--valid-fraction", options.valid_fraction,
      "share of rows, by --seed, to judge on what the others give: a temperature (default: none), "
      "or the penalty of a vector or matrix (default: 0.2)");
  add("--group", options.group,
      "a temperature for every group of rows too: a column of text data; beside .npy a file, .npy "
      "of whole numbers or text with a name a line");
  add("--use", options.use,
      "calibration saved with -o, to apply to DATA, and with labels to judge on DATA; a group that "
      "it does not know gets the temperature of all rows");
  add("--bootstrap", options.bootstrap, "replicates for intervals of T and ECE: 200, say", "0");
  add("--apply", options.apply, ".npy to write: the calibrated rows");
  add("--apply-as", options.apply_as, "what --apply writes: probs or logits", "probs");
  add_report_option(app, options.report);
  add("--bins", options.bins, "CSV to write: confidence and accuracy of every bin");
  add("--into", options.into,
      "softmax model of fit to put the calibration into; -o names another file for it");
  add("-o,--output", options.output, "JSON to write: the calibration, or with --into the model");
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
