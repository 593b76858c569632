// SPDX-License-Identifier: Apache-2.0
// The first move: what is minimised. Objective = mean row loss + penalty on the coefficients.
#pragma once

#include <cmath>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "steepest/objectives/huber.hpp"
#include "steepest/objectives/logistic.hpp"
#include "steepest/objectives/poisson.hpp"
#include "steepest/objectives/quantile.hpp"
#include "steepest/objectives/softmax.hpp"
#include "steepest/objectives/squared.hpp"

namespace steepest {

/// Every row loss there is. Tests and benches walk this variant.
using RowLoss =
    std::variant<SquaredLoss, HuberLoss, QuantileLoss, PoissonLoss, LogisticLoss, SoftmaxLoss>;

/// Whether a row loss compares scores with target values, or with a label.
template <class Loss>
inline constexpr bool takes_values = requires {
  requires !Loss::classifies;
};
template <class Loss>
inline constexpr bool takes_labels = requires {
  requires Loss::classifies;
};

/// The name of the loss, without its parameter.
[[nodiscard]] std::string_view name(const RowLoss& loss);

/// The loss as on the command line and in model files: NAME, or NAME:VALUE as in huber:1.5 and
/// quantile:0.9. Smoothing is not part of it.
[[nodiscard]] std::string to_string(const RowLoss& loss);

/// True when targets are class labels, false when they are numbers.
[[nodiscard]] bool classifies(const RowLoss& loss);

/// The largest eigenvalue the Hessian of the loss in the scores of a row can have, for weight 1;
/// where it has no bound (poisson, quantile), what automatic rates start from.
[[nodiscard]] double curvature(const RowLoss& loss);

/// The loss that to_string writes so. Throws OptionError that lists the valid ones, or says what is
/// wrong with the parameter.
[[nodiscard]] RowLoss row_loss_named(std::string_view text);

/// All forms, in the order of the variant: "squared", "huber:D", ...
[[nodiscard]] std::vector<std::string_view> row_loss_names();

/// One coefficient's share of the penalty l2 / 2 * b^2 + l1 |b|, and the derivative l2 * b of its
/// smooth part. The intercept is never penalised.
struct Penalty {
  double l2 = 0.0;  ///< >= 0
  double l1 = 0.0;  ///< >= 0

  [[nodiscard]] STEEPEST_HD double value(double coefficient) const {
    return 0.5 * l2 * coefficient * coefficient + l1 * std::fabs(coefficient);
  }
  [[nodiscard]] STEEPEST_HD double derivative(double coefficient) const { return l2 * coefficient; }
};

/// objective(B) = sum_i w_i l_i / sum_i w_i + l2/2 |B|_2^2 + l1 |B|_1, over the coefficients in the
/// scale they are trained in.
struct Objective {
  RowLoss loss = SquaredLoss{};
  Penalty penalty;
};

}  // namespace steepest
