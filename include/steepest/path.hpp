// SPDX-License-Identifier: Apache-2.0
// A path: one model for every penalty of a list, and the choice among them by held-out loss.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace steepest {

/// One penalty of a path.
struct PathPoint {
  double l2 = 0.0;

  /// Mean loss, without penalty, on rows not trained on: on the validation rows, or on all rows,
  /// each under the model that has not seen its fold.
  double validation_loss = 0.0;

  /// Of validation_loss, from how folds differ: sqrt(sum_f v_f (L_f - L)^2 / (F - 1)), v_f the
  /// fold's share of the weights (as glmnet's cv.glmnet has it); nullopt without folds.
  std::optional<double> standard_error;
  std::vector<double> fold_losses;  ///< F

  double train_loss = 0.0;  ///< mean over the rows trained on, and over folds

  /// trace S (S + l2 I)^-1 over the centred second moments S of the features as trained, and 1 for
  /// the intercept: what the penalty leaves of d + 1 (Hastie, Tibshirani and Friedman 2009, The
  /// Elements of Statistical Learning, equation 3.50). Squared loss only, up to 2,000 features.
  std::optional<double> degrees_of_freedom;
  bool converged = false;  ///< every model met a tolerance, or got as far as rounding lets it
  std::int64_t steps = 0;  ///< most of a model
};

/// A path and the penalty picked from it.
struct PathResult {
  std::vector<PathPoint> points;  ///< as in FitOptions::l2_path
  std::size_t best = 0;           ///< index of the least validation_loss

  /// Index of the largest l2 whose validation_loss is within one standard error of the best's
  /// (Breiman et al. 1984, Classification and Regression Trees, section 3.4.3); `best` without
  /// folds.
  std::size_t one_standard_error = 0;
  std::size_t picked = 0;
  std::int64_t folds = 0;   ///< 0: validation rows
  std::int64_t models = 0;  ///< trained for the choice
  std::int64_t banks = 0;   ///< models of a bank share every read of the rows
  std::int64_t passes = 0;  ///< over all rows, by all banks
  double seconds = 0.0;
  bool cut = false;  ///< by the caller or the budget of time: penalties were left out
};

}  // namespace steepest
