// SPDX-License-Identifier: Apache-2.0
// Standard errors of many coefficients, which are factorized, against the formula written plainly.
// tests/command_inference_test.cpp holds few ones against statsmodels.
#include "steepest/inference.hpp"

#include <gtest/gtest.h>

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <cmath>
#include <random>

#include "steepest/error.hpp"
#include "steepest/fit.hpp"

namespace steepest::tests {
namespace {

// Independent features far from 0, targets with noise.
Dataset wide_problem(std::int64_t rows, std::int64_t features) {
  std::mt19937 random(11);
  std::normal_distribution<double> normal;
  Dataset data;
  data.features = FeatureMatrix(rows, features);
  for (std::int64_t j = 0; j < features; ++j) {
    data.schema.columns.push_back({"x" + std::to_string(j), ColumnKind::numeric, {}, {}});
  }
  data.schema.target_names = {"y"};
  for (std::int64_t i = 0; i < rows; ++i) {
    double y = normal(random);
    for (std::int64_t j = 0; j < features; ++j) {
      data.features.row(i)[j] = static_cast<float>(5.0 + normal(random));
      y += j < 3 ? data.features.row(i)[j] : 0.0;
    }
    data.targets.push_back(y);
  }
  return data;
}

TEST(Inference, ManyCoefficientsAreFactorized) {
  constexpr std::int64_t rows = 1600;
  constexpr std::int64_t features = 1210;
  FitOptions options;
  options.inference = true;
  options.threads = 2;
  const FitResult result = fit(wide_problem(rows, features), options);
  ASSERT_TRUE(result.inference);
  const Inference& found = *result.inference;

  const Dataset data = wide_problem(rows, features);
  Eigen::MatrixXd design(rows, features + 1);
  Eigen::VectorXd y(rows);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < features; ++j) {
      design(i, j) = static_cast<double>(data.features.row(i)[j]);
    }
    design(i, features) = 1.0;
    y(i) = data.targets[static_cast<std::size_t>(i)];
  }
  const Eigen::LLT<Eigen::MatrixXd> factor(design.transpose() * design);
  const Eigen::VectorXd estimate = factor.solve(design.transpose() * y);
  const double degrees = static_cast<double>(rows - features - 1);
  const double variance = (y - design * estimate).squaredNorm() / degrees;
  EXPECT_EQ(found.degrees_of_freedom, degrees);
  EXPECT_NEAR(found.residual_variance.front(), variance, 1e-7 * variance);
  for (const std::int64_t j : {std::int64_t{0}, std::int64_t{777}, features}) {
    const Eigen::VectorXd one = Eigen::VectorXd::Unit(features + 1, j);
    const double expected = std::sqrt(variance * factor.solve(one)(j));
    const double error = j < features
                             ? found.standard_errors.coefficients[static_cast<std::size_t>(j)]
                             : found.standard_errors.intercept.front();
    EXPECT_NEAR(error, expected, 1e-6 * expected) << j;
  }
  EXPECT_LT(found.distance, 1e-4);
}

TEST(Inference, MoreCoefficientsThanItTakesAreRefused) {
  FitOptions options;
  options.inference = true;
  EXPECT_THROW(static_cast<void>(fit(wide_problem(40, 5000), options)), OptionError);
}

}  // namespace
}  // namespace steepest::tests
