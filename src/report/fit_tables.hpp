// SPDX-License-Identifier: Apache-2.0
// What a fit's page shows in tables: metrics, how sure coefficients are, a path of penalties.
#pragma once

#include "src/report/fit_page.hpp"
#include "src/report/page.hpp"
#include "steepest/fit.hpp"
#include "steepest/inference.hpp"
#include "steepest/path.hpp"

namespace steepest::report {

/// Of the training rows and, where there are any, of those held out; a column more for losses that
/// have a metric of their own.
[[nodiscard]] Table metrics_table(const FitResult& result, const FitSetting& setting);

/// Coefficients of one output with standard errors, tests and 95 % intervals, at most 60 of them.
[[nodiscard]] Table inference_table(const Inference& inference, const Model& model,
                                    std::size_t output);

/// What stands below those tables, in one or two sentences.
[[nodiscard]] std::string inference_note(const Inference& inference);

/// One line a penalty, with those that were chosen.
[[nodiscard]] Table path_table(const PathResult& path);

/// Which penalty was picked, and by what.
[[nodiscard]] std::string path_note(const PathResult& path);

}  // namespace steepest::report
