// SPDX-License-Identifier: Apache-2.0
// Linear fits against closed forms (Eigen's QR in double) and certified or independent answers.
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>

#include "steepest/error.hpp"
#include "steepest/fit.hpp"
#include "steepest/read.hpp"
#include "tests/backends.hpp"
#include "tests/reference_file.hpp"

namespace steepest::tests {
namespace {

class LinearFit : public OnEveryBackend {};

Dataset named_dataset(std::int64_t rows, std::int64_t features, std::int64_t outputs) {
  Dataset data;
  data.features = FeatureMatrix(rows, features);
  for (std::int64_t j = 0; j < features; ++j) {
    FeatureColumn column;
    column.name = "x" + std::to_string(j + 1);
    data.schema.columns.push_back(column);
  }
  for (std::int64_t o = 0; o < outputs; ++o) {
    data.schema.target_names.push_back("y" + std::to_string(o + 1));
  }
  return data;
}

// Features with these deviations and means, correlated by `mixing`, and noisy linear targets.
Dataset random_linear(std::int64_t rows, const std::vector<double>& scales,
                      const std::vector<double>& means, double mixing, std::int64_t outputs,
                      unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  const auto d = static_cast<std::int64_t>(scales.size());
  Dataset data = named_dataset(rows, d, outputs);
  std::vector<double> w(static_cast<std::size_t>(d * outputs));
  for (double& weight : w) {
    weight = normal(random) + (normal(random) > 0 ? 1.0 : -1.0);
  }
  for (std::int64_t i = 0; i < rows; ++i) {
    const double shared = normal(random);
    for (std::int64_t j = 0; j < d; ++j) {
      const auto column = static_cast<std::size_t>(j);
      const double unit = (normal(random) + mixing * shared) / std::sqrt(1 + mixing * mixing);
      data.features.row(i)[j] = static_cast<float>(means[column] + scales[column] * unit);
    }
    for (std::int64_t o = 0; o < outputs; ++o) {
      double y = 3.0 - static_cast<double>(o) + 0.5 * normal(random);
      for (std::int64_t j = 0; j < d; ++j) {
        y += w[static_cast<std::size_t>(o * d + j)] / scales[static_cast<std::size_t>(j)] *
             static_cast<double>(data.features.row(i)[j]);
      }
      data.targets.push_back(y);
    }
  }
  return data;
}

// Weighted least squares by Householder QR with pivoting; (d + 1) x outputs, intercept last.
Eigen::MatrixXd closed_form(const Dataset& data, bool intercept = true) {
  const std::int64_t n = data.rows();
  const std::int64_t d = data.features.columns();
  const auto outputs = static_cast<std::int64_t>(data.schema.target_names.size());
  Eigen::MatrixXd design(n, d + 1);
  Eigen::MatrixXd targets(n, outputs);
  for (std::int64_t i = 0; i < n; ++i) {
    const double root =
        data.weights.empty() ? 1.0 : std::sqrt(data.weights[static_cast<std::size_t>(i)]);
    for (std::int64_t j = 0; j < d; ++j) {
      design(i, j) = root * static_cast<double>(data.features.row(i)[j]);
    }
    design(i, d) = intercept ? root : 0.0;
    for (std::int64_t o = 0; o < outputs; ++o) {
      targets(i, o) = root * data.targets[static_cast<std::size_t>(i * outputs + o)];
    }
  }
  const Eigen::VectorXd size = design.colwise().norm().cwiseMax(1e-300);
  const Eigen::MatrixXd scaled = design * size.cwiseInverse().asDiagonal();
  return size.cwiseInverse().asDiagonal() * scaled.colPivHouseholderQr().solve(targets);
}

void expect_agrees(const Model& model, const Eigen::MatrixXd& expected, double relative) {
  const std::int64_t d = expected.rows() - 1;
  for (std::int64_t o = 0; o < expected.cols(); ++o) {
    for (std::int64_t j = 0; j < d; ++j) {
      EXPECT_NEAR(model.coefficients[static_cast<std::size_t>(o * d + j)], expected(j, o),
                  relative * std::fabs(expected(j, o)))
          << "output " << o << " coefficient " << j;
    }
    EXPECT_NEAR(model.intercept[static_cast<std::size_t>(o)], expected(d, o),
                relative * (1.0 + std::fabs(expected(d, o))));
  }
}

// The issue of every other trainer: the default must reach the closed form, whatever the scales.
TEST_P(LinearFit, DefaultAgreesWithTheClosedForm) {
  const std::vector<std::vector<double>> scales = {{1, 1, 1},
                                                   {1, 2, 0.5, 1, 3, 1, 0.2, 1},
                                                   std::vector<double>(30, 1.0),
                                                   {1e-3, 1e-2, 1, 1e2, 1e4, 1e6}};
  unsigned seed = 1;
  for (const auto& scale : scales) {
    std::vector<double> means(scale.size());
    for (std::size_t j = 0; j < scale.size(); ++j) {
      means[j] = (static_cast<double>(j % 3) - 1.0) * 2.0 * scale[j];
    }
    const Dataset data = random_linear(3000, scale, means, 0.5, 1, seed);
    const Eigen::MatrixXd expected = closed_form(data);
    const FitResult result = fit(random_linear(3000, scale, means, 0.5, 1, seed), fit_options());
    EXPECT_TRUE(result.termination.converged()) << result.termination.inequality;
    expect_agrees(result.model, expected, tolerance(1e-6, 1e-4));
    ++seed;
  }
}

// Plain gradient descent, unpreconditioned: every rule comes to the same point.
TEST_P(LinearFit, EveryRuleReachesTheClosedForm) {
  const std::vector<double> scales = {1, 2, 0.1, 5};
  const std::vector<double> means = {0, 1, 0.2, -4};
  const Eigen::MatrixXd expected = closed_form(random_linear(500, scales, means, 0.3, 2, 8));
  for (const char* rule :
       {"gradient", "momentum:0.5", "nesterov:0.7", "accelerated", "lbfgs", "newton"}) {
    FitOptions wanted = fit_options();
    wanted.rule = parse_rule(rule);
    if (wanted.rule->kind == RuleKind::lbfgs) {
      wanted.precondition = false;
    }
    const FitResult result = fit(random_linear(500, scales, means, 0.3, 2, 8), wanted);
    EXPECT_FALSE(result.preconditioned);
    EXPECT_TRUE(result.termination.converged()) << rule << ": " << result.termination.inequality;
    expect_agrees(result.model, expected, tolerance(1e-6, 1e-4));
  }
}

TEST_P(LinearFit, SeveralTargetsAreFittedAtOnce) {
  const std::vector<double> scales = {1, 3, 0.2, 1, 1};
  const std::vector<double> means = {5, 0, 0, -1, 2};
  const FitResult result = fit(random_linear(800, scales, means, 0.4, 3, 5), fit_options());
  expect_agrees(result.model, closed_form(random_linear(800, scales, means, 0.4, 3, 5)),
                tolerance(1e-6, 1e-4));
}

TEST_P(LinearFit, AWeightOfKEqualsKCopies) {
  Dataset weighted = random_linear(60, {1, 2, 3}, {0, 1, 2}, 0.2, 1, 3);
  Dataset copied = named_dataset(0, 3, 1);
  copied.features = FeatureMatrix(0, 3);
  for (std::int64_t i = 0; i < 60; ++i) {
    weighted.weights.push_back(static_cast<double>(i % 4));
    for (std::int64_t copy = 0; copy < i % 4; ++copy) {
      std::copy_n(weighted.features.row(i), 3, copied.features.append_row());
      copied.targets.push_back(weighted.targets[static_cast<std::size_t>(i)]);
    }
  }
  for (const double l2 : {0.0, 0.3}) {
    FitOptions wanted = fit_options();
    wanted.l2 = l2;
    Dataset a = random_linear(60, {1, 2, 3}, {0, 1, 2}, 0.2, 1, 3);
    a.weights = weighted.weights;
    Dataset b = named_dataset(0, 3, 1);
    b.features = FeatureMatrix(copied.rows(), 3);
    std::copy_n(copied.features.data(), copied.rows() * 3, b.features.data());
    b.targets = copied.targets;
    const FitResult from_weights = fit(std::move(a), wanted);
    const FitResult from_copies = fit(std::move(b), wanted);
    for (std::size_t j = 0; j < 3; ++j) {
      EXPECT_NEAR(from_weights.model.coefficients[j], from_copies.model.coefficients[j],
                  tolerance(1e-7, 1e-5));
    }
    EXPECT_NEAR(from_weights.at.objective(), from_copies.at.objective(),
                1e-6 * from_copies.at.objective());
    EXPECT_NEAR(from_weights.linear->mse, from_copies.linear->mse, 1e-6);
    EXPECT_NEAR(from_weights.linear->r2, from_copies.linear->r2, 1e-6);
    EXPECT_NEAR(from_weights.linear->mae, from_copies.linear->mae, 1e-6);
  }
}

// Ridge on raw features has a closed form of its own: (X'X/n + l2 I) w = X'y/n.
TEST_P(LinearFit, RidgeWithoutStandardizingOrIntercept) {
  FitOptions wanted = fit_options();
  wanted.l2 = 0.5;
  wanted.standardize = false;
  wanted.intercept = false;
  const Dataset data = random_linear(400, {1, 2, 0.5}, {0.3, 0, 1}, 0.3, 1, 6);
  Eigen::MatrixXd x(400, 3);
  Eigen::VectorXd y(400);
  for (std::int64_t i = 0; i < 400; ++i) {
    for (std::int64_t j = 0; j < 3; ++j) {
      x(i, j) = static_cast<double>(data.features.row(i)[j]);
    }
    y(i) = data.targets[static_cast<std::size_t>(i)];
  }
  const Eigen::MatrixXd moment = x.transpose() * x / 400 + 0.5 * Eigen::MatrixXd::Identity(3, 3);
  const Eigen::VectorXd expected = moment.ldlt().solve(x.transpose() * y / 400);
  const FitResult result = fit(random_linear(400, {1, 2, 0.5}, {0.3, 0, 1}, 0.3, 1, 6), wanted);
  for (int j = 0; j < 3; ++j) {
    EXPECT_NEAR(result.model.coefficients[static_cast<std::size_t>(j)], expected(j),
                tolerance(1e-7, 1e-5) * std::fabs(expected(j)));
  }
  EXPECT_EQ(result.model.intercept[0], 0.0);
  const double objective =
      0.5 * (y - x * expected).squaredNorm() / 400 + 0.25 * expected.squaredNorm();
  EXPECT_NEAR(result.at.objective(), objective, 1e-6 * objective);
}

// The cosine schedule lets mini-batches settle; what is left is a sliver of the noise.
TEST_P(LinearFit, MiniBatchesComeNearTheOptimum) {
  const auto data = [] { return random_linear(2000, {1, 2, 3, 4}, {1, 1, 1, 1}, 0.3, 1, 4); };
  FitOptions wanted = fit_options();
  wanted.batch_size = 32;
  wanted.epochs = 60;
  const FitResult result = fit(data(), wanted);
  const double optimum = fit(data(), fit_options()).at.objective();
  EXPECT_GE(result.at.objective(), optimum * (1 - 1e-6));
  EXPECT_LE(result.at.objective(), optimum * (1 + 1e-4));
  EXPECT_EQ(result.termination.reason, Reason::epochs);
  EXPECT_EQ(result.steps, 60 * 63);
  EXPECT_EQ(result.history.size(), 60U);
}

TEST_P(LinearFit, AgreesWithScikitLearnOnIris) {
  ReadOptions read;
  read.paths = {std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv"};
  read.targets = {"petal_width"};
  read.ignore = {"species"};
  const FitResult result = fit(read_dataset(read), fit_options());
  const auto expected = reference("iris_linear");
  for (std::size_t j = 0; j < 3; ++j) {
    const double value = expected["coefficients"][j];
    EXPECT_NEAR(result.model.coefficients[j], value, 1e-4 * std::fabs(value));
  }
  EXPECT_NEAR(result.model.intercept[0], expected["intercept"].get<double>(), 1e-4);
  EXPECT_NEAR(result.linear->mse, expected["mse"].get<double>(), 1e-7);
  EXPECT_NEAR(result.linear->mae, expected["mae"].get<double>(), 1e-6);
  EXPECT_NEAR(result.linear->r2, expected["r2"].get<double>(), 1e-6);
}

// NIST's certified values for Longley, the classic ill-conditioned regression.
TEST_P(LinearFit, AgreesWithNistOnLongley) {
  if (GetParam().precision == Precision::fp32) {
    GTEST_SKIP() << "Longley needs double: its columns are nearly collinear";
  }
  ReadOptions read;
  read.paths = {std::string(STEEPEST_SOURCE_FOLDER) + "/data/longley.csv"};
  read.targets = {"employed"};
  FitOptions wanted = fit_options();
  wanted.tolerance_gradient = 1e-9;
  const FitResult result = fit(read_dataset(read), wanted);
  const double certified[] = {1.50618722713733,  -0.358191792925910e-01, -2.02022980381683,
                              -1.03322686717359, -0.511041056535807e-01, 1829.15146461355};
  for (std::size_t j = 0; j < 6; ++j) {
    EXPECT_NEAR(result.model.coefficients[j], certified[j], 2e-4 * std::fabs(certified[j])) << j;
  }
  EXPECT_NEAR(result.model.intercept[0], -3482258.63459582, 2e-4 * 3482258.63);
  EXPECT_NEAR(std::sqrt(result.linear->mse * 16 / 9), 304.854073561965, 1e-3);
}

TEST(LinearFitChecks, RefusesConstantColumnsUnlessTold) {
  Dataset data = random_linear(50, {1, 1}, {0, 0}, 0, 1, 1);
  for (std::int64_t i = 0; i < 50; ++i) {
    data.features.row(i)[1] = 7.5F;
  }
  FitOptions options;
  EXPECT_THROW(static_cast<void>(fit(std::move(data), options)), InputError);
  Dataset again = random_linear(50, {1, 1}, {0, 0}, 0, 1, 1);
  for (std::int64_t i = 0; i < 50; ++i) {
    again.features.row(i)[1] = 7.5F;
  }
  options.drop_constant = true;
  const FitResult result = fit(std::move(again), options);
  EXPECT_EQ(result.model.coefficients[1], 0.0);
  EXPECT_EQ(result.warnings.size(), 1U);
  ASSERT_TRUE(result.gap_bound) << result.gap_note;  // a column that is dropped is not collinear
  EXPECT_LT(*result.gap_bound, 1e-9);
}

// One column stands for the intercept where there is none; the others would share its coefficient.
TEST(LinearFitChecks, WithoutAnInterceptOneConstantColumnStandsForIt) {
  const auto data = [](float second) {
    Dataset made = random_linear(50, {1, 1, 1, 1}, {0, 0, 0, 0}, 0, 1, 1);
    for (std::int64_t i = 0; i < 50; ++i) {
      float* const row = made.features.row(i);
      row[0] = 0.0F;
      row[1] = second;
      row[2] = -2.0F;
      made.targets[static_cast<std::size_t>(i)] = 3.0 + 2.0 * static_cast<double>(row[3]);
    }
    return made;
  };
  FitOptions options;
  options.intercept = false;
  EXPECT_THROW(static_cast<void>(fit(data(4.0F), options)), InputError);
  options.drop_constant = true;
  const FitResult result = fit(data(4.0F), options);
  EXPECT_TRUE(result.termination.converged()) << result.termination.inequality;
  EXPECT_EQ(result.model.coefficients[0], 0.0);
  EXPECT_NEAR(result.model.coefficients[1], 0.75, 1e-6);
  EXPECT_EQ(result.model.coefficients[2], 0.0);
  EXPECT_NEAR(result.model.coefficients[3], 2.0, 1e-6);
  EXPECT_EQ(result.model.intercept[0], 0.0);
  EXPECT_TRUE(
      std::any_of(result.warnings.begin(), result.warnings.end(), [](const std::string& warning) {
        return warning.find("beside \"x2\", which stands for the intercept") != std::string::npos;
      }));
  const FitResult first = fit(data(0.0F), options);  // 0 stands for nothing
  EXPECT_NEAR(first.model.coefficients[2], -1.5, 1e-6);
}

// 0.1 has no end in binary: a mean that rounds would make noise of it.
TEST(LinearFitChecks, AConstantTargetIsTheInterceptToTheBit) {
  Dataset data = random_linear(10000, {1.0, 2.0}, {0.0, 5.0}, 0.5, 1, 8);
  data.targets.assign(data.targets.size(), 0.1);
  const FitResult result = fit(std::move(data), FitOptions{});
  EXPECT_TRUE(result.termination.converged());
  EXPECT_EQ(result.steps, 0);
  EXPECT_EQ(result.model.intercept[0], 0.1);
  EXPECT_EQ(result.at.mean_loss, 0.0);
  EXPECT_TRUE(std::isnan(result.linear->r2));
}

TEST(LinearFitChecks, DivergesHonestlyAtARateTooHigh) {
  FitOptions options;
  options.learning_rate = 10.0;
  options.rule = UpdateRule{};
  const FitResult result = fit(random_linear(200, {1, 1}, {0, 0}, 0.5, 1, 2), options);
  EXPECT_EQ(result.termination.reason, Reason::diverged);
  EXPECT_FALSE(result.termination.converged());
  EXPECT_NE(result.termination.inequality.find('>'), std::string::npos);
}

TEST(LinearFitChecks, BudgetsEndARun) {
  FitOptions options;
  options.rule = UpdateRule{};
  options.learning_rate = 1e-6;
  options.epochs = 7;
  FitResult result = fit(random_linear(200, {1, 1}, {0, 0}, 0.5, 1, 2), options);
  EXPECT_EQ(result.termination.reason, Reason::epochs);
  EXPECT_EQ(result.steps, 7);
  options.epochs = 1000000000;
  options.max_seconds = 0.2;
  result = fit(random_linear(200, {1, 1}, {0, 0}, 0.5, 1, 2), options);
  EXPECT_EQ(result.termination.reason, Reason::seconds);
  EXPECT_GE(result.train_seconds, 0.2);
  EXPECT_LT(result.train_seconds, 2.0);
}

TEST(LinearFitChecks, LossAndStepTolerancesEndARun) {
  FitOptions options;
  options.rule = UpdateRule{};
  options.learning_rate = 0.1;
  options.tolerance_gradient = 0.0;
  options.tolerance_loss = 1e-6;
  options.patience = 3;
  EXPECT_EQ(fit(random_linear(200, {1, 1}, {0, 0}, 0.5, 1, 2), options).termination.reason,
            Reason::loss);
  options.tolerance_loss = 0.0;
  options.tolerance_step = 1e-5;
  const FitResult result = fit(random_linear(200, {1, 1}, {0, 0}, 0.5, 1, 2), options);
  EXPECT_EQ(result.termination.reason, Reason::step);
  EXPECT_LE(result.at.step_max_norm, 1e-5);
}

TEST(LinearFitChecks, CallbackInterrupts) {
  FitOptions options;
  options.rule = UpdateRule{};
  options.learning_rate = 1e-9;
  const FitResult result = fit(random_linear(200, {1, 1}, {0, 0}, 0.5, 1, 2), options,
                               [](const FitProgress&) { return false; });
  EXPECT_EQ(result.termination.reason, Reason::interrupted);
}

INSTANTIATE_TEST_SUITE_P(Backends, LinearFit, testing::ValuesIn(backend_cases()),
                         backend_case_name);

}  // namespace
}  // namespace steepest::tests
