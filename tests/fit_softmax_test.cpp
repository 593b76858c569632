// SPDX-License-Identifier: Apache-2.0
// Softmax and logistic fits against optima found independently (tests/reference).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "steepest/error.hpp"
#include "steepest/fit.hpp"
#include "steepest/read.hpp"
#include "tests/backends.hpp"
#include "tests/reference_file.hpp"

namespace steepest::tests {
namespace {

class SoftmaxFit : public OnEveryBackend {};

Dataset iris() {
  ReadOptions read;
  read.paths = {std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv"};
  read.targets = {"species"};
  read.target_kind = TargetKind::classes;
  return read_dataset(read);
}

// Rows 50 to 149: the two classes that overlap, relabelled 0 and 1.
Dataset two_species() {
  Dataset all = iris();
  Dataset data;
  data.schema = all.schema;
  data.schema.classes = {"versicolor", "virginica"};
  data.features = FeatureMatrix(100, 4);
  std::copy_n(all.features.row(50), 400, data.features.data());
  for (std::size_t i = 50; i < 150; ++i) {
    data.labels.push_back(all.labels[i] - 1);
  }
  return data;
}

void expect_coefficients(const std::vector<double>& found, const nlohmann::json& expected,
                         double tolerance) {
  std::size_t e = 0;
  for (const auto& row : expected) {
    for (const double value : row) {
      EXPECT_NEAR(found[e], value, tolerance * (1 + std::fabs(value))) << "element " << e;
      ++e;
    }
  }
  EXPECT_EQ(e, found.size());
}

void expect_metrics(const SoftmaxMetrics& found, const nlohmann::json& expected, double tolerance) {
  EXPECT_NEAR(found.log_loss, expected["log_loss"].get<double>(), tolerance);
  EXPECT_NEAR(found.accuracy, expected["accuracy"].get<double>(), 1e-12);
  EXPECT_NEAR(found.ece, expected["ece"].get<double>(), tolerance);
  EXPECT_NEAR(found.brier, expected["brier"].get<double>(), tolerance);
}

TEST_P(SoftmaxFit, DefaultReachesTheOptimumOnIris) {
  const FitResult result = fit(iris(), fit_options());
  const auto expected = reference("iris_softmax");
  EXPECT_TRUE(result.termination.converged());
  EXPECT_NEAR(result.model.l2, 1.0 / 150, 1e-15);
  const double optimum = expected["objective"];
  EXPECT_NEAR(result.at.objective(), optimum, 1e-6 * optimum);
  EXPECT_GE(result.at.objective(), optimum - 1e-6 * optimum);
  expect_coefficients(result.model.coefficients, expected["coefficients"], tolerance(1e-3, 5e-3));
  expect_metrics(*result.softmax, expected, 1e-3);
}

TEST_P(SoftmaxFit, EveryWayToTheOptimumEndsThere) {
  const double optimum = reference("iris_softmax")["objective"];
  for (const char* rule : {"gradient", "momentum:0.8", "nesterov:0.9", "accelerated"}) {
    FitOptions wanted = fit_options();
    wanted.rule = parse_rule(rule);
    const FitResult result = fit(iris(), wanted);
    EXPECT_TRUE(result.termination.converged()) << rule;
    EXPECT_NEAR(result.at.objective(), optimum, 1e-5 * optimum) << rule;
  }
  FitOptions batches = fit_options();
  batches.batch_size = 15;
  batches.epochs = 300;
  const FitResult result = fit(iris(), batches);
  EXPECT_NEAR(result.at.objective(), optimum, 2e-3 * optimum);
}

TEST_P(SoftmaxFit, QuasiNewtonReachesTheOptimumInFewSteps) {
  const double optimum = reference("iris_softmax")["objective"];
  for (const bool precondition : {false, true}) {
    for (const char* rule : {"lbfgs:1", "lbfgs:5", "lbfgs", "newton"}) {
      FitOptions wanted = fit_options();
      wanted.rule = parse_rule(rule);
      if (rule != std::string("newton")) {
        wanted.precondition = precondition;
      }
      const FitResult result = fit(iris(), wanted);
      EXPECT_TRUE(result.termination.converged()) << rule << ": " << result.termination.inequality;
      EXPECT_NEAR(result.at.objective(), optimum, tolerance(1e-8, 1e-6) * optimum) << rule;
      EXPECT_LT(result.steps, 400) << rule;
    }
  }
}

// However a run is cut short, what it returns was evaluated and is the lowest it took.
TEST_P(SoftmaxFit, QuasiNewtonCutShortKeepsTheBestPoint) {
  for (std::int64_t epochs = 1; epochs <= 40; ++epochs) {
    FitOptions wanted = fit_options();
    wanted.rule = parse_rule("lbfgs:3");
    wanted.precondition = false;
    wanted.epochs = epochs;
    const FitResult result = fit(iris(), wanted);
    if (result.termination.reason != Reason::epochs) {
      break;
    }
    double best = result.history.front().mean_loss + result.history.front().penalty;
    for (const HistoryPoint& point : result.history) {
      best = std::min(best, point.mean_loss + point.penalty);
    }
    EXPECT_NEAR(result.at.objective(), best, 1e-7 * best) << epochs;
  }
}

TEST_P(SoftmaxFit, SampleWeightsCountInLossGradientAndMetrics) {
  Dataset data = iris();
  for (int i = 0; i < 150; ++i) {
    data.weights.push_back(1.0 + i % 3);
  }
  FitOptions wanted = fit_options();
  wanted.l2 = 0.01;
  const FitResult result = fit(std::move(data), wanted);
  const auto expected = reference("iris_softmax_weighted");
  const double optimum = expected["objective"];
  EXPECT_NEAR(result.at.objective(), optimum, 1e-6 * optimum);
  expect_coefficients(result.model.coefficients, expected["coefficients"], tolerance(1e-3, 5e-3));
  expect_metrics(*result.softmax, expected, 1e-3);
}

TEST_P(SoftmaxFit, LogisticAgreesWithNewton) {
  FitOptions wanted = fit_options();
  wanted.loss = LogisticLoss{};
  wanted.l2 = 0.01;
  const FitResult result = fit(two_species(), wanted);
  const auto expected = reference("iris_logistic");
  const double optimum = expected["objective"];
  EXPECT_NEAR(result.at.objective(), optimum, 1e-6 * optimum);
  ASSERT_EQ(result.model.outputs(), 2);
  for (std::size_t j = 0; j < 4; ++j) {
    EXPECT_EQ(result.model.coefficients[j], 0.0);
    const double value = expected["coefficients"][j];
    EXPECT_NEAR(result.model.coefficients[4 + j], value, 2e-3 * (1 + std::fabs(value)));
  }
  EXPECT_NEAR(result.softmax->log_loss, expected["mean_loss"].get<double>(), 1e-4);
}

// A two-class softmax with penalty l2 is a logistic regression with penalty l2 / 2: w = (-b/2,
// b/2).
TEST_P(SoftmaxFit, TwoClassSoftmaxGivesTheSameProbabilitiesAsLogistic) {
  FitOptions logistic = fit_options();
  logistic.loss = LogisticLoss{};
  logistic.l2 = 0.01;
  FitOptions softmax = fit_options();
  softmax.l2 = 0.02;
  const Model a = fit(two_species(), logistic).model;
  const Model b = fit(two_species(), softmax).model;
  const Dataset data = two_species();
  std::vector<double> p = a.scores(data.features);
  std::vector<double> q = b.scores(data.features);
  softmax_in_place(p, 2);
  softmax_in_place(q, 2);
  for (std::size_t i = 0; i < p.size(); ++i) {
    EXPECT_NEAR(p[i], q[i], 1e-3);
  }
}

TEST(SoftmaxFitChecks, QuasiNewtonStepsAreOfTheWholeDataAndFindTheirLength) {
  FitOptions wanted;
  wanted.device.kind = DeviceChoice::Kind::cpu;
  wanted.rule = parse_rule("lbfgs");
  wanted.batch_size = 15;
  EXPECT_THROW(static_cast<void>(fit(iris(), wanted)), OptionError);
  wanted.batch_size = 0;
  wanted.learning_rate = 0.5;
  EXPECT_THROW(static_cast<void>(fit(iris(), wanted)), OptionError);
}

TEST(SoftmaxFitChecks, RefusesLabelsThatCannotBeLearned) {
  Dataset one = iris();
  one.schema.classes = {"setosa"};
  std::fill(one.labels.begin(), one.labels.end(), 0);
  EXPECT_THROW(static_cast<void>(fit(std::move(one), {})), InputError);
  FitOptions squared;
  squared.loss = SquaredLoss{};
  EXPECT_THROW(static_cast<void>(fit(iris(), squared)), OptionError);
  FitOptions logistic;
  logistic.loss = LogisticLoss{};
  EXPECT_THROW(static_cast<void>(fit(iris(), logistic)), OptionError);
}

INSTANTIATE_TEST_SUITE_P(Backends, SoftmaxFit, testing::ValuesIn(backend_cases()),
                         backend_case_name);

}  // namespace
}  // namespace steepest::tests
