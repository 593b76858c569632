// SPDX-License-Identifier: Apache-2.0
// steepest predict: a line of predictions for every row, in order, in bounded memory.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include "src/cli/csv_field.hpp"
#include "src/cli/data_options.hpp"
#include "src/cli/progress_bar.hpp"
#include "src/data/npy.hpp"
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
  bool logits = false;
  std::string output;

  // Whether logits go to a .npy file.
  [[nodiscard]] bool writes_npy() const { return output.ends_with(".npy"); }
};

// Formats the predictions of one model.
class Predictor {
 public:
  Predictor(const Model& model, const PredictOptions& given)
      : model_(model), probabilities_(given.probabilities) {
    if (probabilities_ && model.kind != ModelKind::softmax) {
      throw OptionError("--proba needs a softmax model: this one is linear");
    }
    for (const std::string& name : model.output_names()) {
      names_.push_back(csv_field(name));
    }
  }

  [[nodiscard]] std::string header(std::int64_t /*rows*/) const {
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
    std::vector<double> values = linear ? model_.predictions(rows) : model_.calibrated_scores(rows);
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

// Formats what calibrate reads: a model's scores before any calibration of its own.
class LogitWriter {
 public:
  LogitWriter(const Model& model, bool npy) : model_(model), npy_(npy) {
    if (model.kind != ModelKind::softmax) {
      throw OptionError("--logits needs a softmax model: this one is linear");
    }
  }

  [[nodiscard]] std::string header(std::int64_t rows) const {
    if (npy_) {
      return data::npy_header("<f4", {rows, model_.outputs()});
    }
    std::string text;
    for (const std::string& name : model_.output_names()) {
      text += (text.empty() ? "" : ",") + csv_field("logit_" + name);
    }
    return text + "\n";
  }

  void append(const FeatureMatrix& rows, std::string& text) const {
    const std::vector<double> scores = model_.scores(rows);
    const std::int64_t outputs = model_.outputs();
    std::int64_t column = 0;
    for (const double score : scores) {
      const auto value = static_cast<float>(score);
      column = column % outputs + 1;
      if (npy_) {
        text.append(reinterpret_cast<const char*>(&value), sizeof(value));
      } else {
        fmt::format_to(std::back_inserter(text), "{}{}", value, column == outputs ? '\n' : ',');
      }
    }
  }

 private:
  const Model& model_;
  bool npy_;
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
  // Replaces the beginning of a file.
  void write_start(const std::string& text) { file_->write_start(text); }

  void finish() {
    if (file_) {
      file_->commit();
    }
  }

 private:
  std::optional<OutputFile> file_;
};

void check(const PredictOptions& given, const GlobalOptions& global) {
  require_cpu(global, "predict");
  if (global.json && given.output.empty()) {
    throw OptionError("predict --json needs -o FILE for the predictions");
  }
  if (given.logits && given.probabilities) {
    throw OptionError("--logits and --proba write different files: give one of them");
  }
  if (given.writes_npy() && !given.logits) {
    throw OptionError(fmt::format("{}: only --logits are written as .npy", given.output));
  }
  std::vector<std::string> inputs = given.data.paths;
  inputs.push_back(given.model);
  check_outputs({given.output}, inputs);
}

template <class Format>
StreamedRows write_rows(const Format& format, const Model& model, const PredictOptions& given,
                        const ReadOptions& read, const ReadProgress& progress) {
  Sink sink(given.output);
  bool begun = false;  // nothing is written before options, header and a first row are right
  const auto write = [&](const std::string& text) {
    if (!std::exchange(begun, true)) {
      sink.write(format.header(0));
    }
    sink.write(text);
  };
  const auto to_text = [&](const FeatureMatrix& rows, std::string& text) {
    format.append(rows, text);
  };
  const StreamedRows found = stream_rows(read, model.schema, to_text, write, progress);
  if (given.writes_npy()) {
    sink.write_start(format.header(found.rows));
  }
  sink.finish();
  return found;
}

int run_predict(const PredictOptions& given, const GlobalOptions& global) {
  check(given, global);
  const Model model = load_model(given.model);
  ReadOptions read = given.data.to_read_options(&model.schema);
  read.threads = global.threads;
  ProgressBar bar("predicting", !global.quiet && !given.output.empty());
  const ReadProgress progress = reading_progress(bar);
  const StreamedRows found =
      given.logits
          ? write_rows(LogitWriter(model, given.writes_npy()), model, given, read, progress)
          : write_rows(Predictor(model, given), model, given, read, progress);
  bar.clear();
  if (global.json) {
    print_json({{"command", "predict"},
                {"version", version},
                {"device", to_json(list_devices().front())},
                {"rows", found.rows},
                {"outputs", model.output_names()},
                {"bytes_read", found.bytes_read},
                {"output", given.output}});
  } else if (!given.output.empty() && !global.quiet) {
    fmt::print(stderr, "{} rows predicted, written to {}\n", format_count(found.rows),
               given.output);
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
  app->add_flag("--logits", options->logits,
                "only the scores before softmax and calibration, for calibrate; CSV, or .npy by "
                "the name of -o");
  app->add_option("-o,--output", options->output, "CSV to write; default: standard output");
  app->footer(
      "Example: steepest predict model.json new.csv --proba -o predictions.csv\n"
      "         steepest predict model.json valid.csv --logits -o logits.npy");
  return {app, [options, &global] { return run_predict(*options, global); }};
}

}  // namespace steepest::cli
