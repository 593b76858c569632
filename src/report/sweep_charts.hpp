// SPDX-License-Identifier: Apache-2.0
// The charts of a sweep's page.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "src/report/chart.hpp"
#include "src/report/sweep_ranking.hpp"

namespace steepest::report {

/// What all charts of a sweep look at.
struct SweepView {
  const SweepResult& result;
  const std::vector<RankedMethod>& ranking;

  /// The regret the runs begin with; 0 where no run has a point.
  [[nodiscard]] double first_regret() const;
  [[nodiscard]] bool validated() const;
};

/// Regret of every method at its best rate: medians over seeds, quartiles as bands.
[[nodiscard]] Json regret_chart(const SweepView& view);

/// Regret at every rate, one method at a time.
[[nodiscard]] Json every_rate_chart(const SweepView& view);

/// Final regret against the rate, one curve a method, with 1/L and 2/L.
[[nodiscard]] Json sensitivity_chart(const SweepView& view);

/// The rate each method took, step by step, at its best.
[[nodiscard]] Json rate_chart(const SweepView& view);

/// Shares of the first regret that runs are timed to.
[[nodiscard]] const std::vector<double>& target_shares();

/// Of epochs to each share of the first regret, by seed: see PerformanceProfile.
[[nodiscard]] PerformanceProfile profile_of(const SweepView& view);
[[nodiscard]] Json profile_chart(const SweepView& view, const PerformanceProfile& profile);

}  // namespace steepest::report
