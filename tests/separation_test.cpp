// SPDX-License-Identifier: Apache-2.0
// Separated classes without a penalty have no optimum, and no run calls its end one.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "steepest/fit.hpp"
#include "tests/backends.hpp"

namespace steepest::tests {
namespace {

class SeparatedFit : public OnEveryBackend {};

enum class Kind { complete, overlapping, touching, level };

// Two features, `classes` classes along the first one.
Dataset rows_of(Kind kind, int classes) {
  std::mt19937 random(11);
  std::normal_distribution<double> normal;
  Dataset data;
  data.schema.columns.resize(2);
  data.schema.columns[0].name = "a";
  data.schema.columns[1].name = "b";
  data.schema.target_names = {"y"};
  for (int c = 0; c < classes; ++c) {
    data.schema.classes.push_back("class" + std::to_string(c));
  }
  data.features = FeatureMatrix(60, 2);
  for (int i = 0; i < 60; ++i) {
    const int label = i % classes;
    float* const row = data.features.row(i);
    const double noise = normal(random);
    row[1] = static_cast<float>(normal(random));
    row[0] = static_cast<float>(noise);
    if (kind == Kind::complete) {  // by a line across both features only
      row[0] = static_cast<float>(3.0 * label + 0.8 * std::tanh(noise)) - 2.0F * row[1];
    } else if (kind == Kind::touching) {  // at 0, and beyond it for the last class alone
      row[0] = label == classes - 1 ? std::max(0.0F, row[0]) : 0.0F;
    } else if (kind == Kind::level) {  // a level of a category that one class alone has
      row[0] = label == 0 && i % 4 == 0 ? 1.0F : 0.0F;
    }
    data.labels.push_back(label);
  }
  return data;
}

TEST_P(SeparatedFit, SaysThatThereIsNoOptimum) {
  for (const int classes : {2, 3}) {
    FitOptions options = fit_options();
    options.l2 = 0.0;
    const FitResult result = fit(rows_of(Kind::complete, classes), options);
    EXPECT_EQ(result.termination.reason, Reason::separable);
    EXPECT_FALSE(result.termination.converged());
    EXPECT_FALSE(result.model.converged);
    EXPECT_EQ(result.model.termination, "separable");
    EXPECT_NE(result.termination.inequality.find("margin"), std::string::npos);
    EXPECT_NE(result.termination.inequality.find("--l2"), std::string::npos);
    ASSERT_TRUE(result.gap_bound);  // the loss tends to 0
    EXPECT_EQ(*result.gap_bound, result.at.objective());
    EXPECT_EQ(result.softmax->accuracy, 1.0);
  }
  FitOptions logistic = fit_options();
  logistic.l2 = 0.0;
  logistic.loss = LogisticLoss{};
  EXPECT_EQ(fit(rows_of(Kind::complete, 2), logistic).termination.reason, Reason::separable);
}

TEST_P(SeparatedFit, SeesAFeatureThatSplitsOffAClass) {
  for (const Kind kind : {Kind::touching, Kind::level}) {
    for (const int classes : {2, 3}) {
      FitOptions options = fit_options();
      options.l2 = 0.0;
      const FitResult result = fit(rows_of(kind, classes), options);
      EXPECT_EQ(result.termination.reason, Reason::separable) << result.termination.inequality;
      EXPECT_NE(result.termination.inequality.find("column \"a\""), std::string::npos)
          << result.termination.inequality;
      EXPECT_FALSE(result.gap_bound);
    }
  }
}

TEST_P(SeparatedFit, IsSilentWhereThereIsAnOptimum) {
  FitOptions options = fit_options();
  options.l2 = 0.0;
  FitResult result = fit(rows_of(Kind::overlapping, 2), options);
  EXPECT_EQ(result.termination.reason, Reason::gradient) << result.termination.inequality;
  EXPECT_TRUE(result.warnings.empty());
  options.l2 = 1e-3;  // a penalty, or labels that are not sharp, make an optimum
  EXPECT_EQ(fit(rows_of(Kind::complete, 3), options).termination.reason, Reason::gradient);
  options.l2 = 0.0;
  options.label_smoothing = 0.1;
  result = fit(rows_of(Kind::complete, 2), options);
  EXPECT_EQ(result.termination.reason, Reason::gradient) << result.termination.inequality;
}

// A budget spent is a budget spent; the warning comes beside it.
TEST_P(SeparatedFit, KeepsTheReasonOfARunCutShort) {
  FitOptions options = fit_options();
  options.l2 = 0.0;
  options.epochs = 2;
  const FitResult result = fit(rows_of(Kind::level, 2), options);
  EXPECT_EQ(result.termination.reason, Reason::epochs);
  ASSERT_EQ(result.warnings.size(), 1U);
}

// Smoothed labels: the penalty's certificate holds for them as well.
TEST_P(SeparatedFit, SmoothedLabelsAreCertified) {
  FitOptions options = fit_options();
  options.l2 = 0.05;
  options.label_smoothing = 0.3;
  for (const RowLoss& loss : {RowLoss(SoftmaxLoss{}), RowLoss(LogisticLoss{})}) {
    options.loss = loss;
    options.epochs = 0;
    const FitResult end = fit(rows_of(Kind::overlapping, 2), options);
    ASSERT_TRUE(end.gap_bound);
    EXPECT_LE(*end.gap_bound, tolerance(1e-8, 1e-5));
    options.epochs = 1;
    const FitResult early = fit(rows_of(Kind::overlapping, 2), options);
    ASSERT_TRUE(early.gap_bound);
    EXPECT_GE(*early.gap_bound, early.at.objective() - end.at.objective() - tolerance(1e-12, 1e-6));
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, SeparatedFit, testing::ValuesIn(backend_cases()),
                         backend_case_name);

}  // namespace
}  // namespace steepest::tests
