// SPDX-License-Identifier: Apache-2.0
// steepest calibrate: what makes class scores mean what they say.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "src/cli/affine_report.hpp"
#include "src/cli/calibrate_options.hpp"
#include "src/cli/calibrate_report.hpp"
#include "src/cli/data_options.hpp"
#include "src/cli/group_report.hpp"
#include "src/cli/page_options.hpp"
#include "src/cli/progress_bar.hpp"
#include "src/report/calibrate_page.hpp"
#include "steepest/affine_calibration.hpp"
#include "steepest/calibrate.hpp"
#include "steepest/calibrate_groups.hpp"
#include "steepest/error.hpp"

namespace steepest::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct Logits {
  std::unique_ptr<LogitRows> rows;
  RowGroups groups;                  // empty where none were asked for
  std::vector<std::string> columns;  // names, of text without groups
  std::int64_t text_bytes = 0;       // read as text
  double read_seconds = 0.0;         // for that
};

Logits open(const CalibrateOptions& given, const GlobalOptions& global) {
  const LogitInput input = parse_logit_input(given.input);
  Logits logits;
  if (given.is_npy()) {
    logits.rows = open_logits(given.data.paths[0], given.labels, input);
    if (!given.group.empty()) {
      logits.groups = read_groups(given.group, logits.rows->rows());
    }
    return logits;
  }
  ReadOptions read = given.data.to_read_options();
  read.target_kind = TargetKind::classes;
  if (!given.group.empty()) {
    read.categorical.push_back(given.group);
    if (!read.features.empty()) {
      read.features.push_back(given.group);
    }
  }
  const ReadRows table = read_with_progress(read, given.memory.storage(), global);
  logits.rows = logits_of_table(table.rows, fmt::format("{}", fmt::join(read.paths, " ")),
                                given.labels, input, given.group);
  if (given.group.empty()) {
    logits.columns = table.rows->schema().feature_names();
  }
  logits.text_bytes = table.bytes_read;
  logits.read_seconds = table.read_seconds;
  if (!given.group.empty()) {
    logits.groups = groups_of_table(*table.rows, given.group);
  }
  return logits;
}

// One run of the command, from the logits on.
class Calibrating {
 public:
  Calibrating(const CalibrateOptions& given, const GlobalOptions& global)
      : given_(given), global_(global) {}

  int run() {
    const Clock::time_point start = Clock::now();
    const Logits logits = open(given_, global_);
    std::optional<Model> model;
    if (!given_.into.empty()) {
      model = model_to_calibrate(given_, logits.rows->classes(), logits.columns);
    }
    solve(logits);
    run_.source = fmt::format("{}", fmt::join(given_.data.paths, " "));
    run_.bytes_read = given_.is_npy() ? logits.rows->bytes_read() : logits.text_bytes;
    run_.read_seconds = logits.read_seconds + temperature().load_seconds;
    run_.total_seconds = std::chrono::duration<double>(Clock::now() - start).count();
    print_warnings(temperature().warnings, global_);
    if (affine_) {
      print_warnings(affine_->warnings, global_);
    }
    if (grouped_) {
      print_warnings(grouped_->warnings, global_);
    }
    apply(logits);  // before the others: it can fail where they cannot
    save(std::move(model));
    write_report();
    print();
    return exit_done;
  }

 private:
  void solve(const Logits& logits) {
    const LogitRows& rows = *logits.rows;
    ProgressBar bar("calibrating", !global_.quiet);
    if (!given_.group.empty()) {
      grouped_ = calibrate_groups(rows, logits.groups, given_.calibration(rows, global_),
                                  reading_progress(bar));
      plain_ = grouped_->all;
    } else if (given_.scaling_method() == ScalingMethod::temperature) {
      plain_ =
          calibrate_temperature(rows, given_.calibration(rows, global_), reading_progress(bar));
    } else {
      affine_ = calibrate_affine(rows, given_.affine(rows, global_), reading_progress(bar));
    }
  }

  [[nodiscard]] const Calibration& temperature() const {
    return affine_ ? affine_->temperature : plain_;
  }

  // Throws InputError where there is nothing to apply.
  [[nodiscard]] ScoreScaling scaling(const std::string& output) const {
    if (affine_) {
      return affine_->scaling;
    }
    if (plain_.status == CalibrationStatus::zero || plain_.status == CalibrationStatus::infinite) {
      throw InputError(
          fmt::format("{}: nothing to apply, since the status is {}: no finite temperature above "
                      "0 is best for these rows",
                      output, name(plain_.status)));
    }
    return {ScalingMethod::temperature, {plain_.beta}, {}};
  }

  void apply(const Logits& logits) {
    const LogitRows& rows = *logits.rows;
    if (given_.apply.empty()) {
      return;
    }
    const ScoreScaling found = scaling(given_.apply);
    ProgressBar bar("applying", !global_.quiet);
    if (affine_) {
      write_calibrated(*scaled_logits(rows, found), 1.0, given_.apply_output(), given_.apply,
                       global_.threads, reading_progress(bar));
    } else if (grouped_) {
      write_calibrated(*grouped_logits(rows, logits.groups, grouped_->betas()), 1.0,
                       given_.apply_output(), given_.apply, global_.threads, reading_progress(bar));
    } else {
      write_calibrated(rows, found.factors[0], given_.apply_output(), given_.apply, global_.threads,
                       reading_progress(bar));
    }
    run_.applied = given_.apply;
  }

  // The temperature, with the metrics after whatever method was asked for.
  [[nodiscard]] Calibration shown() const {
    Calibration calibration = temperature();
    if (affine_) {
      calibration.after = affine_->after;
    } else if (grouped_) {
      calibration.after = grouped_->after;
    }
    return calibration;
  }

  void write_report() const {
    if (!given_.report.empty()) {
      std::vector<std::string> files = given_.data.paths;
      files.insert(files.end(), {given_.labels, given_.into, given_.is_npy() ? given_.group : ""});
      std::vector<std::string> warnings = temperature().warnings;
      for (const auto* const more :
           {affine_ ? &affine_->warnings : nullptr, grouped_ ? &grouped_->warnings : nullptr}) {
        if (more != nullptr) {
          warnings.insert(warnings.end(), more->begin(), more->end());
        }
      }
      report::write_page(
          report::calibrate_page(shown(), run_.source,
                                 run_facts(global_, temperature().device, files, warnings)),
          given_.report);
    }
  }

  void save(std::optional<Model> model) {
    if (model) {
      model->calibration = scaling(given_.model_output());
      save_model(*model, given_.model_output());
      run_.model = given_.model_output();
    } else if (!given_.output.empty()) {
      affine_ ? save_affine(*affine_, given_.output) : save_calibration(plain_, given_.output);
    }
    if (!given_.bins.empty()) {
      save_bins(shown(), given_.bins);
    }
  }

  void print() const {
    if (global_.json) {
      print_json(affine_    ? affine_json(*affine_, run_)
                 : grouped_ ? groups_json(*grouped_, run_)
                            : calibration_json(plain_, run_));
    } else if (grouped_) {
      print_groups(*grouped_, run_);
    } else if (affine_) {
      print_affine(*affine_, run_);
    } else {
      print_calibration(plain_, run_);
    }
  }

  const CalibrateOptions& given_;
  const GlobalOptions& global_;
  Calibration plain_;
  std::optional<AffineCalibration> affine_;
  std::optional<GroupCalibration> grouped_;
  CalibrateRun run_;
};

}  // namespace

Command add_calibrate(CLI::App& parent, GlobalOptions& global) {
  CLI::App* app = parent.add_subcommand("calibrate", "Make class scores mean what they say");
  auto options = std::make_shared<CalibrateOptions>();
  add_calibrate_options(*app, *options);
  app->footer(
      "DATA is a .npy file, rows x classes, float16, float32 or float64, or text with --target.\n"
      "Example: steepest calibrate logits.npy --labels labels.npy -o calibration.json\n"
      "         steepest calibrate scores.csv --target label --bins bins.csv\n"
      "         steepest predict model.json valid.csv --logits -o logits.npy\n"
      "         steepest calibrate logits.npy --labels labels.txt --into model.json");
  return {app, [options, &global] {
            options->check();
            return Calibrating(*options, global).run();
          }};
}

}  // namespace steepest::cli
