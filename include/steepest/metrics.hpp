// SPDX-License-Identifier: Apache-2.0
// How good predictions are. Row weights count in every metric: a weight of k equals k copies.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "steepest/diagnostics.hpp"
#include "steepest/objective.hpp"

namespace steepest {

/// Metrics of regression, over rows and, with several targets, averaged over targets.
struct LinearMetrics {
  double mse = 0.0;   ///< mean squared error, target units squared
  double rmse = 0.0;  ///< sqrt(mse)
  double mae = 0.0;   ///< mean absolute error
  double r2 = 0.0;    ///< 1 - mse / variance, mean over targets; NaN where a target is constant
  std::optional<double> pinball_loss;      ///< of a quantile loss: its mean, at its level
  std::optional<double> poisson_deviance;  ///< of the poisson loss: mean of twice its row losses
};

/// Metrics of classification.
struct SoftmaxMetrics {
  double log_loss = 0.0;  ///< mean of -log p(label), natural logarithm
  double accuracy = 0.0;  ///< share of rows whose most probable class is the label
  double ece = 0.0;       ///< expected calibration error, 15 equal bins of the top probability
  double brier = 0.0;     ///< mean over rows of the sum over classes of (p - [label])^2
};

/// Adds up predictions block by block.
class LinearMetricsSum {
 public:
  /// `loss` is the one the model was trained with: quantile and poisson add a metric of their own.
  /// `bins`, of the first outputs, are filled as well.
  explicit LinearMetricsSum(std::int64_t outputs, const RowLoss& loss = SquaredLoss{},
                            std::vector<PredictionBins> bins = {});

  /// predictions and targets are (rows, outputs); weights is rows long or null for all 1.
  void add(const double* predictions, const double* targets, const double* weights,
           std::int64_t rows);

  /// Adds what another sum has seen of rows that follow.
  void merge(const LinearMetricsSum& other);
  [[nodiscard]] LinearMetrics result() const;
  [[nodiscard]] Diagnostics diagnostics() const { return {bins_, {}, {}}; }

 private:
  struct Output {
    double mean = 0.0;    // of the target
    double spread = 0.0;  // sum w (y - mean)^2
    double squared_error = 0.0;
    double absolute_error = 0.0;
    double own_loss = 0.0;  // sum w l of the model's own loss, where it is a metric
  };
  RowLoss loss_;
  double weight_ = 0.0;
  std::vector<Output> outputs_;
  std::vector<PredictionBins> bins_;
};

/// Adds up class scores block by block.
class SoftmaxMetricsSum {
 public:
  static constexpr int bins = 15;

  explicit SoftmaxMetricsSum(std::int64_t classes);

  /// scores is (rows, classes), before softmax; labels index classes; weights as above.
  void add(const double* scores, const std::int32_t* labels, const double* weights,
           std::int64_t rows);

  /// Adds what another sum has seen.
  void merge(const SoftmaxMetricsSum& other);
  [[nodiscard]] SoftmaxMetrics result() const;

  /// (classes, classes) row-major sums of weights: row is the label, column the prediction.
  [[nodiscard]] const std::vector<double>& confusion() const { return confusion_; }

  /// The confusion, and the bins that the calibration error is from.
  [[nodiscard]] Diagnostics diagnostics() const;

 private:
  struct Bin {
    double weight = 0.0;
    double confidence = 0.0;
    double correct = 0.0;
  };
  std::int64_t classes_;
  double weight_ = 0.0;
  double log_loss_ = 0.0;
  double correct_ = 0.0;
  double brier_ = 0.0;
  std::vector<Bin> bins_;
  std::vector<double> confusion_;
};

}  // namespace steepest
