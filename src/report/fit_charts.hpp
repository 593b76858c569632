// SPDX-License-Identifier: Apache-2.0
// The charts of a fit's page.
#pragma once

#include "src/report/chart.hpp"
#include "steepest/fit.hpp"

namespace steepest::report {

/// Objective, and its distance to the lowest point seen.
[[nodiscard]] Json objective_chart(const FitResult& result);

/// The largest derivative, with its tolerance.
[[nodiscard]] Json gradient_chart(const FitResult& result);

/// Features by |coefficient * deviation|, the largest first; a group an output.
[[nodiscard]] Json coefficient_chart(const Model& model);

/// Counts of (target, prediction), with the diagonal.
[[nodiscard]] Json prediction_chart(const PredictionBins& bins);

/// Prediction - target. The tails beyond 99.8 % of the rows are left out.
[[nodiscard]] Json residual_chart(const PredictionBins& bins);

/// Losses and, where they are known, degrees of freedom against the penalty, with the least one,
/// the one of a standard error more, and the one picked.
[[nodiscard]] Json path_chart(const PathResult& path);

}  // namespace steepest::report
