// SPDX-License-Identifier: Apache-2.0
// Decides everything a fit leaves open, and refuses what cannot be fitted, before any step is
// taken.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/train/scaling.hpp"
#include "steepest/column_statistics.hpp"
#include "steepest/fit.hpp"
#include "steepest/row_source.hpp"

namespace steepest::train {

/// A fit with nothing left to choose but the learning rate.
struct FitPlan {
  RowLoss loss;
  std::int64_t columns = 1;  ///< score columns: outputs, or 1 for logistic
  double l2 = 0.0;
  bool proximal = false;  ///< an l1 penalty or a constraint ends steps in a proximal map
  UpdateRule rule;
  bool may_choose_rule = false;  ///< whether another one may take its place
  Schedule schedule;             ///< learning_rate and horizon still 0 where automatic
  std::int64_t batch_size = 0;
  std::int64_t together = 1;  ///< neighbours that a shuffle leaves together
  std::int64_t steps_per_epoch = 1;
  std::int64_t epochs = 0;
  bool full_batch = true;
  bool preconditioned = false;
};

/// Throws OptionError for a loss that does not fit the target, a negative penalty and the like;
/// InputError for one class, as many classes as rows, no features.
[[nodiscard]] FitPlan plan_fit(const RowSource& data, const RowWeights& weights,
                               const FitOptions& options);

/// The plan for scaled data: its loss and l2 in trained units.
[[nodiscard]] FitPlan in_trained_units(FitPlan plan, const Scaling& scaling);

/// Throws OptionError for the losses that steps of a rate cannot be compared on: quantile, whose
/// optimum is not found by them. `command` begins the sentence.
void require_smooth(const RowLoss& loss, std::string_view command);

/// Adds a warning where 1/L is not a bound: poisson.
void warn_of_curvature(const RowLoss& loss, std::vector<std::string>& warnings);

/// Throws InputError that names the constant columns, unless they were asked to be dropped or are
/// the intercept of a model that has none. Adds warnings.
void check_columns(const ColumnStatistics& statistics, const RowSource& data,
                   const FitOptions& options, std::vector<std::string>& warnings);

/// Tolerances in the units training sees. `loss` is the trained one, `curvature` the bound L in
/// trained units. The automatic tolerance on the gradient, in trained units: 1e-8 (fp64) or 1e-6
/// (fp32) for regression, of a Huber loss times its delta where that is below 1; 1e-6 (1e-8 for
/// inference) or 5e-6 for classes; in fp32 never below the lesser of 6e-8 L and 1e-3,
/// in tf32 and bf16 of 1e-3 L or 4e-3 L and 1e-3.
[[nodiscard]] Tolerances plan_tolerances(const FitOptions& options, const RowLoss& loss,
                                         Precision precision, const Scaling& scaling,
                                         double curvature);

}  // namespace steepest::train
