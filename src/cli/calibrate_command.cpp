// SPDX-License-Identifier: Apache-2.0
// steepest calibrate: what makes class scores mean what they say.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "src/cli/affine_report.hpp"
#include "src/cli/calibrate_input.hpp"
#include "src/cli/calibrate_options.hpp"
#include "src/cli/calibrate_report.hpp"
#include "src/cli/calibrate_use.hpp"
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

// One run of the command, from the logits on.
class Calibrating {
 public:
  Calibrating(const CalibrateOptions& given, const GlobalOptions& global)
      : given_(given), global_(global) {}

  int run() {
    const Clock::time_point start = Clock::now();
    const CalibrateInput input = open_calibrate_input(given_, global_);
    std::optional<Model> model;
    if (!given_.into.empty()) {
      model = model_to_calibrate(given_, input.rows->classes(), input.columns);
    }
    classes_ = model ? model->output_names() : input.columns;
    solve(input);
    run_.source = fmt::format("{}", fmt::join(given_.data.paths, " "));
    run_.bytes_read = input.bytes_read();
    run_.read_seconds = input.read_seconds + temperature().load_seconds;
    run_.can_hold_out = !affine_ && !grouped_ && !plain_.held_out;
    run_.total_seconds = std::chrono::duration<double>(Clock::now() - start).count();
    print_warnings(shown_calibration().warnings, global_);
    apply(input);  // before the others: it can fail where they cannot
    save(std::move(model));
    write_report();
    print();
    return exit_done;
  }

 private:
  void solve(const CalibrateInput& input) {
    const LogitRows& rows = *input.rows;
    ProgressBar bar("calibrating", !global_.quiet);
    if (!given_.group.empty()) {
      grouped_ = calibrate_groups(rows, input.groups, given_.calibration(rows, global_),
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

  void apply(const CalibrateInput& input) {
    const LogitRows& rows = *input.rows;
    if (given_.apply.empty()) {
      return;
    }
    const ScoreScaling found = scaling(given_.apply);
    ProgressBar bar("applying", !global_.quiet);
    if (affine_) {
      write_calibrated(*scaled_logits(rows, found), 1.0, given_.apply_output(), given_.apply,
                       global_.threads, reading_progress(bar));
    } else if (grouped_) {
      write_calibrated(*grouped_logits(rows, input.groups, grouped_->betas()), 1.0,
                       given_.apply_output(), given_.apply, global_.threads, reading_progress(bar));
    } else {
      write_calibrated(rows, found.factors[0], given_.apply_output(), given_.apply, global_.threads,
                       reading_progress(bar));
    }
    run_.applied = given_.apply;
  }

  // The temperature, with the metrics and warnings of whatever method was asked for.
  [[nodiscard]] Calibration shown_calibration() const {
    return affine_ ? shown(*affine_) : grouped_ ? shown(*grouped_) : plain_;
  }

  void write_report() const {
    if (given_.report.empty()) {
      return;
    }
    report::CalibratePage page;
    page.source = run_.source;
    page.calibration = shown_calibration();
    page.affine = affine_ ? &*affine_ : nullptr;
    page.groups = grouped_ ? &*grouped_ : nullptr;
    page.scaling = affine_ ? &affine_->scaling : nullptr;
    page.classes = classes_;
    std::vector<std::string> files = given_.data.paths;
    files.insert(files.end(), {given_.labels, given_.into, given_.is_npy() ? given_.group : ""});
    report::write_page(report::calibrate_page(page, run_facts(global_, page.calibration.device,
                                                              files, page.calibration.warnings)),
                       given_.report);
  }

  void save(std::optional<Model> model) {
    if (model) {
      model->calibration = scaling(given_.model_output());
      save_model(*model, given_.model_output());
      run_.model = given_.model_output();
    } else if (!given_.output.empty()) {
      affine_    ? save_affine(*affine_, classes_, given_.output)
      : grouped_ ? save_calibration(*grouped_, given_.output)
                 : save_calibration(plain_, given_.output);
    }
    if (!given_.bins.empty()) {
      save_bins(shown_calibration(), given_.bins);
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
  std::vector<std::string> classes_;  // names, where they have some
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
      "         steepest calibrate others.npy --labels others.txt --use calibration.json\n"
      "         steepest predict model.json valid.csv --logits -o logits.npy\n"
      "         steepest calibrate logits.npy --labels labels.txt --into model.json");
  return {app, [options, &global] {
            options->check();
            return options->use.empty() ? Calibrating(*options, global).run()
                                        : use_calibration(*options, global);
          }};
}

}  // namespace steepest::cli
