// SPDX-License-Identifier: Apache-2.0
// Where logits are solved: loaded, where they fit, or as they stream by.
#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "src/calibrate/delegating_logits.hpp"
#include "src/calibrate/loaded_logits.hpp"
#include "src/calibrate/row_blocks.hpp"
#include "src/calibrate/row_split.hpp"
#include "src/calibrate/temperature_solver.hpp"
#include "steepest/affine_calibration.hpp"
#include "steepest/calibrate.hpp"
#include "steepest/error.hpp"

namespace steepest {

using calibrate::ChosenRows;
using calibrate::few_elements;
using calibrate::LoadedLogits;
using calibrate::measure_rows;
using calibrate::rows_held_out;
using calibrate::solve_temperature;
using calibrate::tell;

namespace {

Calibration solve(const LogitRows& rows, const CalibrationOptions& options,
                  const ReadProgress& progress) {
  kernels::ThreadPool pool(options.threads);
  const std::int64_t elements = rows.rows() * rows.classes();
  const bool as_doubles = rows.holds_doubles() || elements <= few_elements;
  const std::int64_t bytes = elements * (as_doubles ? 8 : 4) + rows.rows() * 20;
  const bool fits = options.storage.memory_bytes == 0 || bytes <= options.storage.memory_bytes;
  if (!rows.is_file() || !fits) {
    return solve_temperature(rows, options, pool, progress);
  }
  const auto start = std::chrono::steady_clock::now();
  const LoadedLogits loaded(rows, as_doubles, pool, progress);
  const double load_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  Calibration result = solve_temperature(
      loaded, options, pool, [&](const ReadState&) { tell(progress, rows, rows.rows()); });
  result.reads = 1;
  result.load_seconds = load_seconds;
  return result;
}

// None where no row can be used and bad ones may be skipped: all rows together had no other error.
template <class Of>
auto of_usable(const CalibrationOptions& options, const Of& of) -> std::optional<decltype(of())> {
  try {
    return of();
  } catch (const InputError&) {
    if (options.bad_rows != BadRowPolicy::skip) {
      throw;
    }
  }
  return std::nullopt;
}

// T of some rows, judged on the others.
std::optional<HeldOutMetrics> judge(const LogitRows& rows, const CalibrationOptions& options,
                                    Calibration& result) {
  const std::vector<bool> is_out = rows_held_out(rows.rows(), options.valid_fraction, options.seed);
  std::vector<std::int64_t> sides[2];
  for (std::int64_t r = 0; r < rows.rows(); ++r) {
    sides[is_out[static_cast<std::size_t>(r)] ? 1 : 0].push_back(r);
  }
  CalibrationOptions plain = options;
  plain.bootstrap = 0;
  plain.curve_points = 0;
  const ChosenRows fitted(rows, std::move(sides[0]));
  const auto found = of_usable(plain, [&] { return solve(fitted, plain, {}); });
  if (!found) {
    result.warnings.emplace_back(
        "without the rows held out no row can be used: it is not judged on them");
    return std::nullopt;
  }
  if (found->status != CalibrationStatus::solved) {
    result.warnings.push_back(
        fmt::format("without the rows held out no temperature is best (status {}): it is not "
                    "judged on them",
                    name(found->status)));
    return std::nullopt;
  }
  const ChosenRows others(rows, std::move(sides[1]));
  HeldOutMetrics held_out;
  auto before = of_usable(plain, [&] { return measure_scores(others, plain, {}); });
  if (!before) {
    result.warnings.emplace_back("no row held out can be used: it is not judged on them");
    return std::nullopt;
  }
  held_out.rows = before->rows;
  held_out.temperature = found->temperature;
  held_out.before = std::move(before->metrics);
  const ScoreScaling scaling{ScalingMethod::temperature, {found->beta}, {}};
  held_out.after = measure_scores(*scaled_logits(others, scaling), plain, {}).metrics;
  if (!(held_out.after.nll < held_out.before.nll)) {
    result.warnings.emplace_back(
        "on the rows held out the NLL did not fall: do not count on this temperature");
  }
  return held_out;
}

}  // namespace

Calibration calibrate_temperature(const LogitRows& rows, const CalibrationOptions& options,
                                  const ReadProgress& progress) {
  if (!(options.smoothing >= 0.0 && options.smoothing < 1.0)) {
    throw OptionError(fmt::format("a label smoothing of {} is not in [0, 1)", options.smoothing));
  }
  Calibration result = solve(rows, options, progress);
  if (options.valid_fraction != 0.0 && result.status == CalibrationStatus::solved) {
    result.held_out = judge(rows, options, result);
  }
  return result;
}

ScoreMeasurement measure_scores(const LogitRows& rows, const CalibrationOptions& options,
                                const ReadProgress& progress) {
  kernels::ThreadPool pool(options.threads);
  return measure_rows(rows, options, pool, progress);
}

}  // namespace steepest
