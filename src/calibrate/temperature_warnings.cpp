// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/temperature_warnings.hpp"

#include <fmt/format.h>

#include <cmath>

#include "src/data/excerpt.hpp"
#include "steepest/error.hpp"

namespace steepest::calibrate {
namespace {

std::string row_count(std::int64_t rows) {
  return fmt::format("{} row{}", data::grouped(rows), rows == 1 ? "" : "s");
}

void warn_of_input(const PassSums& sums, LogitInput input, Calibration& result) {
  const bool normalised = sums.normalised == sums.rows;
  if (input == LogitInput::logits && sums.sums_to_one == sums.rows) {
    result.warnings.emplace_back(
        "every row sums to 1, so these look like probabilities, not logits: if they are, say "
        "--input probs");
  } else if (input != LogitInput::logits && !normalised) {
    result.warnings.push_back(
        fmt::format("the probabilities of {} do not sum to 1: they were scaled to",
                    row_count(sums.rows - sums.normalised)));
  }
}

// A solved T that is known badly, or of scores that say next to nothing.
void warn_of_uncertainty(Calibration& result) {
  constexpr double large_deviation = 0.1;  // of log T
  constexpr double chi_square = 3.841459;  // 95 % point, one degree of freedom
  constexpr double little = 0.01;          // of the uniform guess's NLL
  const double uniform = std::log(static_cast<double>(result.classes));
  const double gained = uniform - result.after->nll;
  if (gained < little * uniform || 2.0 * static_cast<double>(result.rows) * gained < chi_square) {
    result.warnings.push_back(
        fmt::format("the scores are near uninformative: even at the best temperature the NLL is "
                    "{:.6f}, and guessing uniformly has {:.6f}",
                    result.after->nll, uniform));
  }
  if (!result.has_interval()) {
    result.warnings.emplace_back(
        "the standard error of log T is not known: one row, or rows that are all alike, say "
        "nothing "
        "of what others would give");
  } else if (result.log_temperature_standard_error > large_deviation) {
    result.warnings.push_back(
        fmt::format("the standard error of log T is huge, {:.2g}: 95 % interval of T {:.4g} to "
                    "{:.4g}; more rows, above all misclassified ones, would narrow it",
                    result.log_temperature_standard_error, result.lower_temperature(),
                    result.upper_temperature()));
  }
}

void warn_of_status(Calibration& result) {
  switch (result.status) {
    case CalibrationStatus::zero:
      result.warnings.push_back(fmt::format(
          "no temperature above 0 is best: every label has its row's largest logit (accuracy "
          "{:.6g} %), and the NLL falls all the way to T = 0; keep T = 1, smooth the labels with "
          "--smoothing 0.001, say, or calibrate on rows with errors in them",
          100.0 * result.before.accuracy));
      break;
    case CalibrationStatus::infinite:
      result.warnings.emplace_back(
          "no finite temperature is best: labels score no better than classes drawn at random, "
          "and the NLL falls for ever as T grows; check that label k means column k, counted from "
          "0, and that rows and labels are in the same order");
      break;
    case CalibrationStatus::undetermined:
      result.warnings.emplace_back(
          "every row's logits are all equal, so every temperature is equally good: T = 1 is kept");
      break;
    case CalibrationStatus::solved:
      warn_of_uncertainty(result);
      break;
  }
}

}  // namespace

void check_rows(const PassSums& sums, const LogitRows& rows, const CalibrationOptions& options) {
  if (sums.problems > 0 && options.bad_rows == BadRowPolicy::error) {
    const RowProblem& problem = sums.first_problem;
    throw InputError(Location{rows.name()},
                     fmt::format("row {} (from 0): {}; {} of {} cannot be used. Fixes: mend {} | "
                                 "--on-bad-row skip",
                                 problem.row, problem.text(rows.classes(), options.input),
                                 row_count(sums.problems), row_count(rows.rows()),
                                 sums.problems == 1 ? "it" : "them"));
  }
  if (sums.rows == 0) {
    throw InputError(Location{rows.name()},
                     fmt::format("no row can be used: row {} (from 0): {}", sums.first_problem.row,
                                 sums.first_problem.text(rows.classes(), options.input)));
  }
}

void add_input_warnings(const PassSums& sums, const CalibrationOptions& options,
                        Calibration& result) {
  if (result.rows_skipped > 0) {
    result.warnings.push_back(fmt::format("{} skipped; the first: row {} (from 0): {}",
                                          row_count(result.rows_skipped), sums.first_problem.row,
                                          sums.first_problem.text(result.classes, options.input)));
  }
  if (result.masked > 0) {
    result.warnings.push_back(
        fmt::format("{} logit{} of -inf: those classes are left out of their rows",
                    data::grouped(result.masked), result.masked == 1 ? "" : "s"));
  }
  warn_of_input(sums, options.input, result);
}

void add_warnings(const PassSums& sums, const CalibrationOptions& options, Calibration& result) {
  add_input_warnings(sums, options, result);
  warn_of_status(result);
  if (result.status == CalibrationStatus::solved && options.smoothing == 0.0 &&
      !(result.after->nll < result.before.nll)) {
    result.warnings.emplace_back("the NLL did not fall: the scores were calibrated already");
  }
}

}  // namespace steepest::calibrate
