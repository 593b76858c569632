// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/held_logits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/tempered_sums.hpp"
#include "src/calibrate/calibration_pass.hpp"
#include "src/calibrate/row_blocks.hpp"
#include "src/data/excerpt.hpp"
#include "steepest/error.hpp"

namespace steepest::calibrate {
namespace {

using Kind = RowProblem::Kind;

Kind kind_of(double logit) {
  return std::isnan(logit)                            ? Kind::not_a_number
         : std::isinf(logit)                          ? Kind::infinite
         : std::fabs(logit) <= kernels::largest_logit ? Kind::none
                                                      : Kind::too_large;
}

// Of a row with a masked class, `infinite` with the value that says so.
RowProblem problem_of(const HeldLogits& held, std::int64_t row) {
  const float* const z = held.logits.row(row);
  for (std::int64_t k = 0; k < held.classes(); ++k) {
    const auto value = static_cast<double>(z[k]);
    if (kind_of(value) != Kind::none) {
      return {kind_of(value), row, k, value};
    }
  }
  const std::int32_t label = held.labels[static_cast<std::size_t>(row)];
  if (label < 0 || label >= held.classes()) {
    return {Kind::label_range, row, 0, static_cast<double>(label)};
  }
  return {};
}

std::string text_of(const RowProblem& problem, std::int64_t classes, LogitInput input,
                    ScalingMethod method) {
  return problem.kind == Kind::infinite && problem.value < 0.0
             ? fmt::format("column {} is -inf, a masked class, which {} scaling does not take",
                           problem.column, name(method))
             : problem.text(classes, input);
}

void read_all(const LogitRows& rows, kernels::ThreadPool& pool, const ReadProgress& progress,
              HeldLogits& held) {
  held.logits = FeatureMatrix(rows.rows(), rows.classes());
  held.labels.resize(static_cast<std::size_t>(rows.rows()));
  std::vector<LogitBuffer> buffers(static_cast<std::size_t>(pool.threads()));
  for_blocks_of_rows(rows, pool, progress, [&](std::int64_t first, std::int64_t count, int worker) {
    const LogitBlock block = rows.read(first, count, buffers[static_cast<std::size_t>(worker)]);
    const std::int64_t values = count * rows.classes();
    float* const to = held.logits.row(first);
    if (block.doubles == nullptr) {
      std::copy_n(block.floats, values, to);
    } else {
      std::transform(block.doubles, block.doubles + values, to,
                     [](double z) { return static_cast<float>(z); });
    }
    std::copy_n(block.labels, count, held.labels.begin() + first);
  });
}

void check_memory(const LogitRows& rows, const CalibrationOptions& options, ScalingMethod method) {
  const std::int64_t bytes = 2 * rows.rows() * rows.classes() * std::int64_t{4};
  const std::int64_t limit = options.storage.memory_bytes;
  if (limit > 0 && bytes > limit) {
    throw InputError(Location{rows.name()},
                     fmt::format("{} scaling holds the logits in memory, with its own copy {} MB "
                                 "of it: raise --memory, or use --method temperature",
                                 name(method), bytes >> 20));
  }
}

}  // namespace

HeldRows hold_rows(const LogitRows& rows, const CalibrationOptions& options, ScalingMethod method,
                   kernels::ThreadPool& pool, const ReadProgress& progress) {
  check_memory(rows, options, method);
  HeldRows result;
  HeldLogits& held = result.usable;
  read_all(rows, pool, progress, held);
  RowProblem first;
  std::int64_t kept = 0;
  for (std::int64_t r = 0; r < held.rows(); ++r) {
    const RowProblem problem = problem_of(held, r);
    if (problem.kind == Kind::none) {
      std::copy_n(held.logits.row(r), held.classes(), held.logits.row(kept));
      held.labels[static_cast<std::size_t>(kept++)] = held.labels[static_cast<std::size_t>(r)];
    } else if (first.kind == Kind::none) {
      first = problem;
    }
  }
  result.skipped = held.rows() - kept;
  if (result.skipped > 0) {
    const std::string where = fmt::format("row {} (from 0): {}", first.row,
                                          text_of(first, held.classes(), options.input, method));
    const bool one = result.skipped == 1;
    if (options.bad_rows == BadRowPolicy::error || kept == 0) {
      throw InputError(Location{rows.name()},
                       fmt::format("{}; {} row{} of {} cannot be used. Fixes: mend {} | "
                                   "--on-bad-row skip",
                                   where, data::grouped(result.skipped), one ? "" : "s",
                                   data::grouped(held.rows()), one ? "it" : "them"));
    }
    result.skipped_warning = fmt::format("{} row{} skipped; the first: {}",
                                         data::grouped(result.skipped), one ? "" : "s", where);
  }
  held.logits.truncate(kept);
  held.labels.resize(static_cast<std::size_t>(kept));
  return result;
}

}  // namespace steepest::calibrate
