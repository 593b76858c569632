// SPDX-License-Identifier: Apache-2.0
// Where predictions miss: sums over rows that a page can draw, in memory that does not grow with
// the rows.
#pragma once

#include <cstdint>
#include <vector>

namespace steepest {

/// Sums of weights in bins of equal width. The width doubles, and bins merge in pairs, whenever a
/// value lies outside; bins stay aligned to the centre, so counts do not depend on the order of the
/// values.
class GrowingHistogram {
 public:
  /// `bins` (even, >= 2) bins over [centre - bins / 2 * width, centre + bins / 2 * width); width
  /// above 0 and finite.
  GrowingHistogram(double centre, double width, std::int64_t bins);

  /// Values that are not finite are left out.
  void add(double value, double weight);

  /// Adds what another histogram of the same centre, first width and bins has seen.
  void merge(const GrowingHistogram& other);

  [[nodiscard]] double lower() const;  ///< end of the first bin
  [[nodiscard]] double width() const { return width_; }
  [[nodiscard]] const std::vector<double>& weights() const { return weights_; }

 private:
  void grow();

  double centre_;
  double width_;
  bool empty_ = true;
  std::vector<double> weights_;
};

/// The same in two dimensions, with one centre and width for both.
class GrowingGrid {
 public:
  GrowingGrid(double centre, double width, std::int64_t bins);
  void add(double x, double y, double weight);
  void merge(const GrowingGrid& other);

  [[nodiscard]] double lower() const;
  [[nodiscard]] double width() const { return width_; }
  [[nodiscard]] std::int64_t bins() const { return bins_; }

  /// (bins, bins) row-major: row is the bin of x, column that of y.
  [[nodiscard]] const std::vector<double>& weights() const { return weights_; }

 private:
  void grow();

  double centre_;
  double width_;
  std::int64_t bins_;
  bool empty_ = true;
  std::vector<double> weights_;
};

/// Targets against predictions of one output of a linear model.
struct PredictionBins {
  /// `centre` and `scale` of the targets say where bins begin to grow from; a scale that is not
  /// above 0 counts as 1.
  PredictionBins(double centre, double scale);

  void add(double prediction, double target, double weight);
  void merge(const PredictionBins& other);

  GrowingGrid pairs;           ///< x the target, y the prediction; target units
  GrowingHistogram residuals;  ///< prediction - target; target units
};

/// Rows whose largest probability lies in (lower, upper].
struct ConfidenceBin {
  double lower = 0.0;
  double upper = 0.0;
  double weight = 0.0;      ///< sum over its rows
  double confidence = 0.0;  ///< mean largest probability; 0 when empty
  double accuracy = 0.0;    ///< share whose most probable class is the label; 0 when empty
};

/// What FitOptions::diagnostics asks for.
struct Diagnostics {
  std::vector<PredictionBins> outputs;    ///< linear: of the first most_outputs outputs
  std::vector<double> confusion;          ///< softmax: (classes, classes), row is the label
  std::vector<ConfidenceBin> confidence;  ///< softmax: 15 bins of equal width

  static constexpr std::int64_t most_outputs = 4;
};

}  // namespace steepest
