// SPDX-License-Identifier: Apache-2.0
// Where logits are solved: loaded, where they fit, or as they stream by.
#include <fmt/format.h>

#include <chrono>

#include "src/calibrate/loaded_logits.hpp"
#include "src/calibrate/row_blocks.hpp"
#include "src/calibrate/temperature_solver.hpp"
#include "steepest/calibrate.hpp"
#include "steepest/error.hpp"

namespace steepest {

using calibrate::few_elements;
using calibrate::LoadedLogits;
using calibrate::solve_temperature;
using calibrate::tell;

Calibration calibrate_temperature(const LogitRows& rows, const CalibrationOptions& options,
                                  const ReadProgress& progress) {
  if (!(options.smoothing >= 0.0 && options.smoothing < 1.0)) {
    throw OptionError(fmt::format("a label smoothing of {} is not in [0, 1)", options.smoothing));
  }
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

}  // namespace steepest
