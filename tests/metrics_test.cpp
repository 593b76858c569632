// SPDX-License-Identifier: Apache-2.0
#include "steepest/metrics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace steepest::tests {
namespace {

TEST(LinearMetrics, ByHand) {
  const double predictions[] = {1, 2, 3, 5};
  const double targets[] = {1, 3, 2, 6};
  LinearMetricsSum sum(1);
  sum.add(predictions, targets, nullptr, 2);
  sum.add(predictions + 2, targets + 2, nullptr, 2);
  const LinearMetrics metrics = sum.result();
  EXPECT_DOUBLE_EQ(metrics.mse, 0.75);
  EXPECT_DOUBLE_EQ(metrics.rmse, std::sqrt(0.75));
  EXPECT_DOUBLE_EQ(metrics.mae, 0.75);
  EXPECT_NEAR(metrics.r2, 1 - 3.0 / 14.0, 1e-15);  // sum (y - 3)^2 = 14
}

TEST(LinearMetrics, AveragesOverTargetsAndKeepsWeightsApart) {
  const double predictions[] = {0, 0, 9, 9, 1, 4};
  const double targets[] = {0, 2, 0, 0, 3, 0};
  const double weights[] = {1, 0, 2};  // the middle row does not count
  LinearMetricsSum sum(2);
  sum.add(predictions, targets, weights, 3);
  const LinearMetrics metrics = sum.result();
  EXPECT_DOUBLE_EQ(metrics.mse, 0.5 * ((0 + 2 * 4) / 3.0 + (4 + 2 * 16) / 3.0));
}

TEST(LinearMetrics, R2OfAConstantTargetIsNotANumber) {
  const double values[] = {1, 1};
  LinearMetricsSum sum(1);
  sum.add(values, values, nullptr, 2);
  EXPECT_TRUE(std::isnan(sum.result().r2));
  LinearMetricsSum many(1);
  const std::vector<double> constant(5000, 0.1);
  const std::vector<double> predicted(5000, 0.3);
  many.add(predicted.data(), constant.data(), nullptr, 3);
  many.add(predicted.data(), constant.data(), nullptr, 4997);
  EXPECT_TRUE(std::isnan(many.result().r2));
  EXPECT_NEAR(many.result().mae, 0.2, 1e-12);
}

// What a diverged run may ask for; a sanitizer sees a conversion that has no result.
TEST(SoftmaxMetrics, ScoresThatAreNoNumbersAreNotBinned) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double scores[] = {nan, nan, nan};
  const std::int32_t labels[] = {1};
  SoftmaxMetricsSum sum(3);
  sum.add(scores, labels, nullptr, 1);
  EXPECT_TRUE(std::isnan(sum.result().log_loss));
}

TEST(SoftmaxMetrics, ByHand) {
  // p = (0.75, 0.25) and (0.2, 0.8); labels 0 and 0.
  const double scores[] = {std::log(3.0), 0.0, 0.0, std::log(4.0)};
  const std::int32_t labels[] = {0, 0};
  SoftmaxMetricsSum sum(2);
  sum.add(scores, labels, nullptr, 2);
  const SoftmaxMetrics metrics = sum.result();
  EXPECT_NEAR(metrics.log_loss, -(std::log(0.75) + std::log(0.2)) / 2, 1e-15);
  EXPECT_DOUBLE_EQ(metrics.accuracy, 0.5);
  EXPECT_NEAR(metrics.brier, (0.125 + 1.28) / 2, 1e-15);
  // 0.75 falls into the bin (11/15, 12/15], and so does 0.8: one right, confidence 1.55.
  EXPECT_NEAR(metrics.ece, std::fabs(1.0 - 1.55) / 2, 1e-15);
  EXPECT_EQ(sum.confusion(), (std::vector<double>{1, 1, 0, 0}));
}

TEST(SoftmaxMetrics, AWeightOfTwoIsTwoRows) {
  const double scores[] = {1, 0, 3, 0.5, 2, -1, 1, 0, 3};
  const std::int32_t labels[] = {0, 2, 2};
  const double weights[] = {2, 1, 0};
  SoftmaxMetricsSum weighted(3);
  weighted.add(scores, labels, weights, 3);
  SoftmaxMetricsSum copied(3);
  copied.add(scores, labels, nullptr, 1);
  copied.add(scores, labels, nullptr, 2);
  EXPECT_NEAR(weighted.result().log_loss, copied.result().log_loss, 1e-15);
  EXPECT_NEAR(weighted.result().ece, copied.result().ece, 1e-15);
  EXPECT_NEAR(weighted.result().brier, copied.result().brier, 1e-15);
  EXPECT_EQ(weighted.confusion(), copied.confusion());
}

TEST(SoftmaxMetrics, StandsExtremeScores) {
  const double scores[] = {1e4, -1e4, 0, -1e4, 1e4, 1e3};
  const std::int32_t labels[] = {1, 1};
  SoftmaxMetricsSum sum(3);
  sum.add(scores, labels, nullptr, 2);
  EXPECT_DOUBLE_EQ(sum.result().log_loss, 1e4);
  EXPECT_DOUBLE_EQ(sum.result().accuracy, 0.5);
  EXPECT_DOUBLE_EQ(sum.result().brier, 1.0);
}

}  // namespace
}  // namespace steepest::tests
