// SPDX-License-Identifier: Apache-2.0
// A fitted model: what it predicts, and the file it lives in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "steepest/dataset.hpp"
#include "steepest/score_scaling.hpp"

namespace steepest {

enum class ModelKind { linear, softmax };

/// "linear" or "softmax".
[[nodiscard]] std::string_view name(ModelKind kind);

/// Coefficients in the units of the input: score_o(x) = intercept_o + sum_j coefficients_oj x_j.
/// A linear model predicts its scores, or their exponentials where its loss is poisson; a softmax
/// model gives class o the probability
/// exp(score_o) / sum_c exp(score_c). A logistic fit is stored as a softmax model whose first class
/// has zero coefficients: the same probabilities, and the second class carries the familiar ones.
struct Model {
  ModelKind kind = ModelKind::linear;
  std::string loss;  ///< the row loss it was trained with, as to_string(RowLoss) writes it
  double l2 = 0.0;
  double label_smoothing = 0.0;
  double l1 = 0.0;
  std::string constraint = "none";    ///< on its coefficients: see parse_constraint
  bool standardized = true;           ///< whether it was trained on standardized features
  std::vector<double> feature_mean;   ///< d, of the training rows; what standardizing subtracted
  std::vector<double> feature_scale;  ///< d, what it divided by
  Schema schema;
  std::vector<double> coefficients;  ///< (outputs, d) row-major
  std::vector<double> intercept;     ///< outputs
  std::int64_t training_rows = 0;
  std::string termination;  ///< reason, and the inequality that held
  std::string inequality;
  bool converged = false;

  /// Of a softmax model that was calibrated: what its scores go through before they become
  /// probabilities.
  std::optional<ScoreScaling> calibration;

  [[nodiscard]] std::int64_t features() const { return schema.feature_count(); }
  [[nodiscard]] std::int64_t outputs() const { return static_cast<std::int64_t>(intercept.size()); }

  /// Names of the outputs: target columns of a linear model, classes of a softmax model.
  [[nodiscard]] const std::vector<std::string>& output_names() const;

  /// Scores of each row, (n, outputs) row-major; rows is (n, d) in the units of the input. Summed
  /// in double in feature order: the same bits on every machine.
  [[nodiscard]] std::vector<double> scores(const FeatureMatrix& rows) const;

  /// What a linear model predicts, (n, outputs): its scores in the units of the target.
  [[nodiscard]] std::vector<double> predictions(const FeatureMatrix& rows) const;

  /// The scores, calibrated where the model is.
  [[nodiscard]] std::vector<double> calibrated_scores(const FeatureMatrix& rows) const;
};

/// "l2 0.01, l1 0.1, nonnegative": the penalties and the constraint, those that are there.
[[nodiscard]] std::string penalty_text(const Model& model);

/// Turns scores (rows, classes) into probabilities, in place. Rows sum to 1 within rounding.
void softmax_in_place(std::vector<double>& scores, std::int64_t classes);

/// Writes the model as versioned JSON, beside `path` first and then renamed. Every number is
/// written so that it reads back to the same bits. Throws InputError when the file cannot be
/// written.
void save_model(const Model& model, const std::string& path);

/// Reads and validates: sizes, names, finite numbers, version. Throws InputError that says what is
/// wrong: no such file, not JSON (cut off), not a Steepest model, a newer version, a wrong size.
[[nodiscard]] Model load_model(const std::string& path);

}  // namespace steepest
