// SPDX-License-Identifier: Apache-2.0
// What the parts of a fit work on together.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "kernels/backend.hpp"
#include "src/train/feasible_set.hpp"
#include "src/train/fit_plan.hpp"
#include "src/train/preconditioner.hpp"
#include "src/train/scaling.hpp"
#include "steepest/fit.hpp"

namespace steepest::train {

struct FitState {
  FitState(std::shared_ptr<RowSource> source, const FitOptions& given_options)
      : data(std::move(source)), options(given_options) {}

  std::shared_ptr<RowSource> data;  ///< without features where the backend took them
  const FitOptions& options;
  FitPlan plan;            ///< in trained units, once the data are held
  FitPlan given;           ///< in the objective's
  kernels::BankPlan bank;  ///< last started
  Scaling scaling;
  RowWeights weights;
  std::vector<double> preconditioner;     ///< empty: none
  std::optional<Preconditioner> hessian;  ///< its bound, inverted; the Hessian for squared loss
  std::vector<double> gradient_at_zero;   ///< of the mean loss, where a certificate needs it
  std::vector<double> feature_mean;       ///< weighted, in the units of the input
  std::vector<double> feature_deviation;  ///< likewise
  std::vector<double> feature_reach;      ///< see HeldData
  double row_curvature = 0.0;             ///< see HeldData
  bool bytes = false;                     ///< see kernels::TrainingData
  std::int64_t rows = 0;
  std::int64_t features = 0;
  std::unique_ptr<kernels::Backend> backend;
  FeasibleSet set;  ///< that trained coefficients keep to
  FitResult result;

  [[nodiscard]] HessianBound hessian_bound() const {
    return {features, options.intercept, curvature(plan.loss), plan.l2};
  }
};

}  // namespace steepest::train
