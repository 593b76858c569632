// SPDX-License-Identifier: Apache-2.0
// steepest predict: a line of predictions for every row, in order, in bounded memory.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>

#include "src/cli/csv_field.hpp"
#include "src/cli/data_options.hpp"
#include "src/cli/progress_bar.hpp"
#include "steepest/error.hpp"
#include "steepest/model.hpp"
#include "steepest/output_file.hpp"
#include "steepest/version.hpp"

namespace steepest::cli {
namespace {

struct PredictOptions {
  std::string model;
  DataOptions data;
  bool probabilities = false;
  std::string output;
};

// Formats the predictions of one model.
class Predictor {
 public:
  Predictor(const Model& model, bool probabilities) : model_(model), probabilities_(probabilities) {
    if (probabilities && model.kind != ModelKind::softmax) {
      throw OptionError("--proba needs a softmax model: this one is linear");
    }
    for (const std::string& name : model.output_names()) {
      names_.push_back(csv_field(name));
    }
  }

  [[nodiscard]] std::string header() const {
    if (model_.kind == ModelKind::linear) {
      return (names_.size() == 1 ? std::string("prediction")
                                 : fmt::format("{}", fmt::join(names_, ","))) +
             "\n";
    }
    std::string text = "prediction";
    for (const std::string& name : model_.output_names()) {
      text += probabilities_ ? "," + csv_field("proba_" + name) : "";
    }
    return text + "\n";
  }

  void append(const FeatureMatrix& rows, std::string& text) const {
    const std::int64_t outputs = model_.outputs();
    const bool linear = model_.kind == ModelKind::linear;
    std::vector<double> values = linear ? model_.predictions(rows) : model_.scores(rows);
    if (!linear && probabilities_) {
      softmax_in_place(values, outputs);
    }
    for (auto row = values.begin(); row != values.end(); row += outputs) {
      if (!linear) {
        text += names_[static_cast<std::size_t>(std::max_element(row, row + outputs) - row)];
      }
      for (std::int64_t o = 0; o < outputs && (linear || probabilities_); ++o) {
        fmt::format_to(std::back_inserter(text), "{}{}", linear && o == 0 ? "" : ",", row[o]);
      }
      text += '\n';
    }
  }

 private:
  const Model& model_;
  bool probabilities_;
  std::vector<std::string> names_;
};

// Where predictions go: a file that appears when it is whole, or standard output.
class Sink {
 public:
  explicit Sink(const std::string& path) {
    if (!path.empty()) {
      file_.emplace(path);
    }
  }
  void write(const std::string& text) {
    if (file_) {
      file_->write(text);
    } else if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) {
      throw InputError("standard output: cannot be written, perhaps its reader has gone");
    }
  }
  void finish() {
    if (file_) {
      file_->commit();
    }
  }

 private:
  std::optional<OutputFile> file_;
};

int run_predict(const PredictOptions& given, const GlobalOptions& global) {
  constexpr std::int64_t block_rows = 4096;
  require_cpu(global, "predict");
  if (global.json && given.output.empty()) {
    throw OptionError("predict --json needs -o FILE for the predictions");
  }
  std::vector<std::string> inputs = given.data.paths;
  inputs.push_back(given.model);
  check_outputs({given.output}, inputs);
  const Model model = load_model(given.model);
  const Predictor predictor(model, given.probabilities);
  RowStream rows(given.data.to_read_options(&model.schema), model.schema);
  ProgressBar bar("predicting", !global.quiet && !given.output.empty());
  const ReadProgress progress = reading_progress(bar);
  Sink sink(given.output);
  sink.write(predictor.header());
  std::int64_t count = 0;
  FeatureMatrix block;
  for (std::string text; rows.next(block, block_rows); text.clear()) {
    predictor.append(block, text);
    sink.write(text);
    count += block.rows();
    progress({rows.bytes_read(), rows.bytes_total(), rows.bytes_read(), count});
  }
  sink.finish();
  bar.clear();
  if (global.json) {
    print_json({{"command", "predict"},
                {"version", version},
                {"device", to_json(list_devices().front())},
                {"rows", count},
                {"outputs", model.output_names()},
                {"bytes_read", rows.bytes_read()},
                {"output", given.output}});
  } else if (!given.output.empty() && !global.quiet) {
    fmt::print(stderr, "{} rows predicted, written to {}\n", format_count(count), given.output);
  }
  return exit_done;
}

}  // namespace

Command add_predict(CLI::App& parent, GlobalOptions& global) {
  CLI::App* app = parent.add_subcommand("predict", "Predict rows with a saved model");
  auto options = std::make_shared<PredictOptions>();
  app->add_option("MODEL", options->model, "model file written by fit -o")->required();
  add_data_options(*app, options->data, false);
  app->add_flag("--proba", options->probabilities, "a column of probability for every class");
  app->add_option("-o,--output", options->output, "CSV to write; default: standard output");
  app->footer("Example: steepest predict model.json new.csv --proba -o predictions.csv");
  return {app, [options, &global] { return run_predict(*options, global); }};
}

}  // namespace steepest::cli
