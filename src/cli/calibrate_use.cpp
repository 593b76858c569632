// SPDX-License-Identifier: Apache-2.0
#include "src/cli/calibrate_use.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <limits>
#include <utility>

#include "src/cli/calibrate_input.hpp"
#include "src/cli/calibrate_report.hpp"
#include "src/cli/page_options.hpp"
#include "src/cli/progress_bar.hpp"
#include "src/data/excerpt.hpp"
#include "src/report/calibrate_page.hpp"
#include "steepest/saved_calibration.hpp"

namespace steepest::cli {
namespace {

using Clock = std::chrono::steady_clock;

class Using {
 public:
  Using(const CalibrateOptions& given, const GlobalOptions& global)
      : given_(given), global_(global), saved_(load_calibration(given.use)) {}

  int run() {
    const Clock::time_point start = Clock::now();
    const CalibrateInput input = open_calibrate_input(given_, global_);
    const auto calibrated = calibrated_rows(*input.rows, input.groups, saved_);
    check_columns(saved_, *input.rows, input.columns);
    classes_ = input.columns.empty() ? saved_.columns : input.columns;
    without_own_ = saved_.without_own(input.groups.names);
    if (saved_.has_groups && !without_own_.empty()) {
      const bool one = without_own_.size() == 1;
      warnings_.push_back(fmt::format(
          "group{} {} {} no temperature of {} own in {}: that of all rows is used", one ? "" : "s",
          data::list_of(without_own_), one ? "has" : "have", one ? "its" : "their", given_.use));
    }
    measure(*input.rows, *calibrated);
    apply(*input.rows, *calibrated);
    run_.source = fmt::format("{}", fmt::join(given_.data.paths, " "));
    run_.bytes_read = input.bytes_read();
    run_.read_seconds = input.read_seconds;
    run_.total_seconds = std::chrono::duration<double>(Clock::now() - start).count();
    print_warnings(warnings_, global_);
    save();
    print();
    return exit_done;
  }

 private:
  void measure(const LogitRows& rows, const LogitRows& calibrated) {
    shown_.rows = rows.rows();
    shown_.classes = rows.classes();
    shown_.device = list_devices().front();
    shown_.status = saved_.status;
    shown_.log_temperature_standard_error = std::numeric_limits<double>::infinity();
    if (saved_.scaling.method == ScalingMethod::temperature) {
      shown_.beta = saved_.scaling.factors[0];
      shown_.temperature = 1.0 / shown_.beta;
    }
    if (!given_.has_labels()) {
      require_cpu(global_, "calibrate --use without labels");
      return;
    }
    const CalibrationOptions options = given_.calibration(rows, global_);
    ProgressBar bar("measuring", !global_.quiet);
    ScoreMeasurement before = measure_scores(rows, options, reading_progress(bar));
    ScoreMeasurement after = measure_scores(calibrated, options, reading_progress(bar));
    shown_.device = before.device;
    shown_.rows = before.rows;
    shown_.rows_skipped = before.rows_skipped;
    shown_.masked = before.masked;
    shown_.reads = before.reads + after.reads;
    shown_.before = std::move(before.metrics);
    shown_.after = std::move(after.metrics);
    if (before.ece && after.ece) {
      constexpr double infinity = std::numeric_limits<double>::infinity();
      shown_.bootstrap = {options.bootstrap, {-infinity, infinity}, *before.ece, *after.ece};
    }
    warnings_.insert(warnings_.end(), before.warnings.begin(), before.warnings.end());
    if (!(shown_.after->nll < shown_.before.nll)) {
      warnings_.emplace_back("the NLL did not fall: this calibration does not help these rows");
    }
  }

  // The same bytes as a fit's --apply: a temperature of all rows leaves them in their precision.
  void apply(const LogitRows& rows, const LogitRows& calibrated) {
    if (given_.apply.empty()) {
      return;
    }
    const bool one = saved_.scaling.method == ScalingMethod::temperature && !saved_.has_groups;
    ProgressBar bar("applying", !global_.quiet);
    write_calibrated(one ? rows : calibrated, one ? saved_.scaling.factors[0] : 1.0,
                     given_.apply_output(), given_.apply, global_.threads, reading_progress(bar));
    run_.applied = given_.apply;
  }

  void save() const {
    if (!given_.bins.empty()) {
      save_bins(shown_, given_.bins);
    }
    if (given_.report.empty()) {
      return;
    }
    report::CalibratePage page;
    page.source = run_.source;
    page.calibration = shown_;
    page.classes = classes_;
    page.used = given_.use;
    page.scaling = &saved_.scaling;
    page.used_groups = saved_.has_groups;
    std::vector<std::string> files = given_.data.paths;
    files.insert(files.end(), {given_.labels, given_.use, given_.is_npy() ? given_.group : ""});
    report::write_page(
        report::calibrate_page(page, run_facts(global_, shown_.device, files, warnings_)),
        given_.report);
  }

  void print() const {
    if (global_.json) {
      print_json(json());
      return;
    }
    print_data(shown_, run_);
    print_line("calibration", fmt::format("{}: {}{}{}", given_.use, name(saved_.scaling.method),
                                          saved_.has_groups ? ", by group"
                                          : saved_.scaling.method == ScalingMethod::temperature
                                              ? fmt::format(" {:.6g}", shown_.temperature)
                                              : "",
                                          shown_.status == CalibrationStatus::undetermined
                                              ? ", undetermined: every one was equally good"
                                              : ""));
    if (!run_.applied.empty()) {
      print_line("applied", run_.applied);
    }
    if (given_.has_labels()) {
      print_measured(shown_);
      fmt::print(
          "\nMetrics are of these rows: an honest figure where nothing was fitted to them.\n");
    }
  }

  [[nodiscard]] Json json() const {
    Json json = calibration_json(shown_, run_);
    json["method"] = name(saved_.scaling.method);
    json["used"] = given_.use;
    json["groups_without_own"] = without_own_;
    json["warnings"] = warnings_;
    for (const char* const of_a_fit :
         {"residual", "interpolation", "certified", "label_gap", "uniform_gap"}) {
      json[of_a_fit] = nullptr;
    }
    if (saved_.scaling.method != ScalingMethod::temperature) {
      json["temperature"] = nullptr;
      json["beta"] = nullptr;
    }
    if (!given_.has_labels()) {
      json["before"] = nullptr;
    }
    return json;
  }

  const CalibrateOptions& given_;
  const GlobalOptions& global_;
  SavedCalibration saved_;
  Calibration shown_;
  std::vector<std::string> without_own_;
  std::vector<std::string> classes_;  // names, where they have some
  std::vector<std::string> warnings_;
  CalibrateRun run_;
};

}  // namespace

int use_calibration(const CalibrateOptions& given, const GlobalOptions& global) {
  return Using(given, global).run();
}

}  // namespace steepest::cli
