// SPDX-License-Identifier: Apache-2.0
// Between the units of the input and the scale parameters are trained in.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/thread_pool.hpp"
#include "steepest/column_statistics.hpp"
#include "steepest/objective.hpp"
#include "steepest/row_source.hpp"
#include "steepest/schedule.hpp"

namespace steepest::train {

/// What one trained unit is in the units of the objective.
struct Units {
  double loss = 1.0;
  double coefficient = 1.0;  ///< of a standardized feature
  double gradient = 1.0;     ///< loss / coefficient
  double penalty = 1.0;      ///< coefficient^2 / loss: what an l2 is multiplied by for training
};

/// Training sees (x - mean) / scale, and for regression (y - target_mean) / target_scale, where one
/// target_scale serves all targets so that the objective is only multiplied by a constant and its
/// optimum does not move. The deviation t of the targets multiplies squared and Huber losses by
/// t^2, a quantile's by t. Counts of a Poisson model are not centred, and divided by their mean m:
/// its scores are lower by log m then, its loss by the factor m. Without an intercept, which takes
/// up log m, they stay as they are.
struct Scaling {
  std::vector<double> feature_mean;   ///< d
  std::vector<double> feature_scale;  ///< d, > 0
  std::vector<double> target_mean;    ///< C, 0 for classifiers
  double target_scale = 1.0;          ///< > 0
  bool log_link = false;              ///< targets are exponentials of scores
  Units units;

  /// A loss of l trained units is l * loss_unit() in the objective's units.
  [[nodiscard]] double loss_unit() const { return units.loss; }

  /// A derivative of g trained units, likewise.
  [[nodiscard]] double gradient_unit() const { return units.gradient; }

  /// A step of a coefficient, likewise.
  [[nodiscard]] double coefficient_unit() const { return units.coefficient; }
};

/// The loss, and the penalty, whose optimum on scaled data is that of the ones given.
[[nodiscard]] RowLoss trained_loss(const RowLoss& loss, const Scaling& scaling);
[[nodiscard]] double trained_l2(double l2, const Scaling& scaling);

/// The schedule, what it knows of the objective in trained units.
[[nodiscard]] Schedule trained_schedule(Schedule schedule, const Scaling& scaling);

/// The weights of a data set as a whole.
struct RowWeights {
  double sum = 0.0;   ///< n without weights
  double mean = 0.0;  ///< what training divides them by; 0 when all are equal and count alike
};

[[nodiscard]] RowWeights sum_weights(const RowSource& data);

/// The first column, by rows and then by columns, with a value that is not a whole number from 0 to
/// 255; -1 where there is none.
[[nodiscard]] std::int64_t column_beyond_bytes(const RowSource& data,
                                               const ColumnStatistics& statistics,
                                               kernels::ThreadPool& pool);

/// The constant column that stands for an intercept where there is none: the first that is not 0.
/// -1: there is none, or no need.
[[nodiscard]] std::int64_t column_of_intercept(const ColumnStatistics& statistics, bool intercept);

/// The scaling for a data set. Without `standardize` features keep mean 0 and scale 1; without
/// `intercept` nothing is shifted. Constant columns keep scale 1 and become 0, but for the
/// column_of_intercept(). Where all features are `bytes`, means and scales are rounded as
/// standardized_byte wants them. The same bits for any number of threads. Throws InputError for
/// targets the loss cannot take.
[[nodiscard]] Scaling make_scaling(const ColumnStatistics& statistics, const RowSource& data,
                                   const RowWeights& weights, const RowLoss& loss, bool standardize,
                                   bool intercept, bool bytes, kernels::ThreadPool& pool);

/// Targets to trained units, (n, C), in place.
void scale_targets(const Scaling& scaling, kernels::ThreadPool& pool, std::vector<double>& targets);

/// Weights divided by their mean, in place; empty when all count alike.
void normalise_weights(const RowWeights& summed, std::vector<double>& weights);

/// Folds the scaling into (C, d + 1) parameters: afterwards they apply to inputs as they came.
void fold(const Scaling& scaling, std::int64_t outputs, std::vector<double>& parameters);

/// The reverse: from parameters that apply to inputs as they came to those trained.
void unfold(const Scaling& scaling, std::int64_t outputs, std::vector<double>& parameters);

}  // namespace steepest::train
