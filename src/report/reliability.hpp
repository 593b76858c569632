// SPDX-License-Identifier: Apache-2.0
// Charts of how sure a classifier is, and how right.
#pragma once

#include <vector>

#include "src/report/chart.hpp"
#include "steepest/diagnostics.hpp"

namespace steepest::report {

/// Accuracy by confidence, with the gap to it: calibrated where the bars end on the diagonal.
[[nodiscard]] Json reliability_chart(const std::vector<ConfidenceBin>& bins);

/// Shares of rows by confidence.
[[nodiscard]] Json confidence_chart(const std::vector<ConfidenceBin>& bins);

/// The same of two sets of bins of the same edges, side by side.
[[nodiscard]] Json confidence_chart(const std::vector<ConfidenceBin>& before,
                                    const std::vector<ConfidenceBin>& after);

}  // namespace steepest::report
