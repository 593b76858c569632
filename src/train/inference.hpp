// SPDX-License-Identifier: Apache-2.0
// Standard errors from the Hessian at the end of a fit, by one pass over all rows in double.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels/thread_pool.hpp"
#include "src/train/fit_plan.hpp"
#include "steepest/inference.hpp"
#include "steepest/model.hpp"
#include "steepest/row_source.hpp"

namespace steepest::train {

/// Writes rows [first, first + count) in the units of the input, (count, d).
using ReadFeatures = std::function<void(std::int64_t first, std::int64_t count, float* out)>;

/// A fitted model and the rows it was fitted to.
struct InferenceInput {
  const Model* model = nullptr;
  const RowSource* data = nullptr;  ///< targets, labels and weights are read from here
  ReadFeatures features;
  std::vector<double> feature_mean;  ///< d: what rows are centred at; 0 without an intercept, but
                                     ///< for columns that never change
  bool intercept = true;
  double weight_sum = 0.0;
};

/// Throws OptionError for a penalty, a loss whose Hessian is not that of a likelihood, or more than
/// 5,000 coefficients; InputError for a linear model of no more rows than coefficients.
void check_inference(const FitPlan& plan, const RowSource& data, const RowWeights& weights,
                     bool intercept);

/// See Inference. Adds warnings of collinear columns and of coefficients far from the optimum.
///
/// Complexity: n p^2 flops for p = d + 1 (linear) or C (C - 1) / 2 n d^2 (softmax), and 10 p^3 or,
/// of more than 1,200 coefficients, p^3. Memory: three (p, p) matrices and blocks of rows of 4 MB.
/// Determinism: the same bits for any number of threads.
[[nodiscard]] Inference infer(const InferenceInput& input, kernels::ThreadPool& pool,
                              std::vector<std::string>& warnings);

}  // namespace steepest::train
