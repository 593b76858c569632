// SPDX-License-Identifier: Apache-2.0
// The first move: what is minimised. Objective = mean row loss + penalty on the coefficients.
#pragma once

#include <string_view>
#include <variant>
#include <vector>

#include "steepest/objectives/logistic.hpp"
#include "steepest/objectives/softmax.hpp"
#include "steepest/objectives/squared.hpp"

namespace steepest {

/// Every row loss there is. Tests and benches walk this variant.
using RowLoss = std::variant<SquaredLoss, LogisticLoss, SoftmaxLoss>;

/// The name of the loss on the command line and in model files.
[[nodiscard]] std::string_view name(const RowLoss& loss);

/// True when targets are class labels, false when they are numbers.
[[nodiscard]] bool classifies(const RowLoss& loss);

/// The largest eigenvalue the Hessian of the loss in the scores of a row can have, for weight 1.
[[nodiscard]] double curvature(const RowLoss& loss);

/// The loss of that name. Throws OptionError that lists the valid names.
[[nodiscard]] RowLoss row_loss_named(std::string_view name);

/// All names, in the order of the variant.
[[nodiscard]] std::vector<std::string_view> row_loss_names();

/// One coefficient's share of the penalty l2 / 2 * b^2 and of its derivative l2 * b.
/// The intercept is never penalised.
struct Penalty {
  double l2 = 0.0;  ///< >= 0

  [[nodiscard]] STEEPEST_HD double value(double coefficient) const {
    return 0.5 * l2 * coefficient * coefficient;
  }
  [[nodiscard]] STEEPEST_HD double derivative(double coefficient) const { return l2 * coefficient; }
};

/// objective(B) = sum_i w_i l_i / sum_i w_i + l2/2 |B|_2^2, over the coefficients in the scale they
/// are trained in.
struct Objective {
  RowLoss loss = SquaredLoss{};
  Penalty penalty;
};

}  // namespace steepest
