// SPDX-License-Identifier: Apache-2.0
// How far a dual point is from one that has no product with any feature, where rounding hides both
// the features and the products.
#pragma once

#include <Eigen/Core>
#include <optional>

namespace steepest::train {

/// What is known of p columns over rows whose dual variables may move, in weighted means: rows
/// count with w_i, and may move by x_i c.
struct DualSlack {
  Eigen::MatrixXd moment;     ///< S (p, p): of the rows as held, times those weights
  Eigen::VectorXd product;    ///< p: of the dual point with the columns, as found
  Eigen::VectorXd error;      ///< p, >= 0: what `product` may be off by
  double row_rounding = 0.0;  ///< u: relative error of an element as it is held
};

/// The movement x_i (c + c') after which no product is left: S' (c + c') = the product, S' being
/// the moment of the rows as they came.
struct DualCorrection {
  Eigen::VectorXd known;    ///< p: c, of S and the product as found
  Eigen::VectorXd most;     ///< p: the most of |c'_j|
  Eigen::MatrixXd inverse;  ///< (p, p): of S, 0 for columns left alone
  double hidden = 0.0;      ///< the most of |c'| in the metric of S
  double size = 0.0;        ///< root of the mean of (x_i (c + c'))^2, at most

  /// |x_i (c + c')| for the rows of `columns`, (m, p), at most: by Cauchy and Schwarz in the metric
  /// of S.
  [[nodiscard]] Eigen::VectorXd reach(const Eigen::MatrixXd& columns, double row_rounding) const;
};

/// With q_j = sqrt(S_jj) and Q = sum_j q_j sqrt(S^-1_jj): |c_j| <= sqrt(S^-1_jj) |X c|, so that
/// rounding moves |X c| by u Q |X c| at most, and S' is at least lambda S, lambda = (1 - u Q)^2
/// less what rounding in S itself, 1e-13 Q^2, hides. c' solves S' c' = r with |r_j| <= error_j + u
/// q_j (2 Q + 1) |X c|. Nothing where lambda is below 1/4: the columns are collinear to rounding.
/// A column that is 0 in all of these rows is left alone where nothing has to be done about it.
[[nodiscard]] std::optional<DualCorrection> dual_correction(const DualSlack& slack);

}  // namespace steepest::train
