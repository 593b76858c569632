// SPDX-License-Identifier: Apache-2.0
// Trials of schedules that search for their rate, judged by what a line knows: without a gradient.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/backend.hpp"
#include "kernels/thread_pool.hpp"
#include "kernels/update.hpp"

namespace steepest::kernels {

/// Whether every model of a bank searches for its rate along lines, see searches().
[[nodiscard]] bool searches_lines(const BankState& bank);

/// Where a model that stands at a trial came from, and the gradient it went along.
struct TrialLine {
  std::vector<double> point;      ///< (C, d + 1)
  std::vector<double> direction;  ///< (C, d + 1)
  double length = 0.0;            ///< the trial is point - length * direction
};
[[nodiscard]] TrialLine trial_line_of(const BankState& bank, std::int64_t model);

/// Takes the trial of a model back, as update() would at its mean loss, unless it is low enough;
/// then, and where only the gradient there can tell, nothing changes, and false is returned.
/// `value` is without penalty, and its slope that of trial_line_of().direction. Deterministic.
[[nodiscard]] bool take_back_trial(const LineValue& value, std::int64_t model, ThreadPool& pool,
                                   BankState& bank);

}  // namespace steepest::kernels
