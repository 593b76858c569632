// SPDX-License-Identifier: Apache-2.0
// A data set in memory, and the schema that says how columns of a file become features.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "steepest/feature_matrix.hpp"

namespace steepest {

enum class ColumnKind { numeric, categorical };

/// A column of the file that feeds the model.
struct FeatureColumn {
  std::string name;
  ColumnKind kind = ColumnKind::numeric;

  /// Categorical: the distinct texts, sorted (numerically when all are numbers), at least two. The
  /// first is the baseline: it has no feature of its own, so that the features stay independent of
  /// the intercept. Level k >= 1 becomes the 0/1 feature `NAME=LEVEL`.
  std::vector<std::string> levels;

  /// What stands for a missing value where the policy was mean: one number for a numeric column,
  /// the frequency of each level but the baseline for a categorical one. Empty otherwise.
  std::vector<double> missing_fill;

  /// Features this column becomes: 1, or levels.size() - 1.
  [[nodiscard]] std::int64_t width() const;
};

/// How a row of a file becomes a row of features and a target. Saved with the model.
struct Schema {
  std::vector<FeatureColumn> columns;     ///< in input order
  std::vector<std::string> target_names;  ///< one a target column
  std::vector<std::string> classes;       ///< sorted; empty for regression
  std::string weight_name;                ///< empty without a weights column

  /// Names of the features, one-hot expanded, in input order.
  [[nodiscard]] std::vector<std::string> feature_names() const;

  /// Number of features d.
  [[nodiscard]] std::int64_t feature_count() const;
};

/// n rows of d features with targets. Feature values are always finite.
struct Dataset {
  Schema schema;
  FeatureMatrix features;            ///< (n, d)
  std::vector<double> targets;       ///< (n, outputs) row-major for regression, else empty
  std::vector<std::int32_t> labels;  ///< n, indexes into schema.classes, else empty
  std::vector<double> weights;       ///< n, >= 0, sum > 0; empty means 1 for every row
  std::int64_t rows_rejected = 0;    ///< bad rows skipped, rows dropped for a missing value
  std::int64_t bytes_read = 0;
  double read_seconds = 0.0;

  [[nodiscard]] std::int64_t rows() const { return features.rows(); }
  [[nodiscard]] bool classifies() const { return !schema.classes.empty(); }

  /// Target columns for regression, classes for classification.
  [[nodiscard]] std::int64_t outputs() const;
};

}  // namespace steepest
