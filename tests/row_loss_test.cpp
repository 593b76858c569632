// SPDX-License-Identifier: Apache-2.0
// Losses as text, their closed forms, and smoothed labels against PyTorch.
#include <gtest/gtest.h>

#include <cmath>

#include "steepest/error.hpp"
#include "steepest/objective.hpp"
#include "tests/reference_file.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

TEST(RowLossText, ReadsWhatItWrites) {
  for (const char* text : {"squared", "huber:1.5", "huber:1e-3", "quantile:0.9", "quantile:0.05",
                           "poisson", "logistic", "softmax"}) {
    const RowLoss loss = row_loss_named(text);
    EXPECT_EQ(to_string(row_loss_named(to_string(loss))), to_string(loss)) << text;
  }
  EXPECT_EQ(to_string(row_loss_named("huber:500")), "huber:500");
  EXPECT_EQ(std::get<HuberLoss>(row_loss_named("huber:0.25")).delta, 0.25);
  EXPECT_EQ(std::get<QuantileLoss>(row_loss_named("quantile:0.9")).level, 0.9);
  EXPECT_EQ(name(row_loss_named("quantile:0.9")), "quantile");
  EXPECT_FALSE(classifies(row_loss_named("poisson")));
}

TEST(RowLossText, RefusesWhatIsNoLoss) {
  for (const char* text :
       {"", "hubert", "huber", "huber:", "huber:0", "huber:-1", "huber:x", "huber:inf", "quantile",
        "quantile:0", "quantile:1", "quantile:1.5", "squared:2", "softmax:0.1", "poisson:1"}) {
    EXPECT_THROW(static_cast<void>(row_loss_named(text)), OptionError) << text;
  }
}

double value_of(const RowLoss& loss, double score, double target, double* slope) {
  const RowTarget<double> with{&target, 0};
  return std::visit(
      [&](const auto& chosen) {
        *slope = score;
        return chosen.residual_in_place(slope, 1, with, 1.0);
      },
      loss);
}

TEST(RowLoss, IsItsClosedForm) {
  double slope = 0.0;
  EXPECT_DOUBLE_EQ(value_of(HuberLoss{2.0}, 4.0, 3.0, &slope), 0.5);
  EXPECT_DOUBLE_EQ(slope, 1.0);
  EXPECT_DOUBLE_EQ(value_of(HuberLoss{2.0}, -2.0, 3.0, &slope), 2.0 * 5.0 - 2.0);
  EXPECT_DOUBLE_EQ(slope, -2.0);
  EXPECT_DOUBLE_EQ(value_of(QuantileLoss{0.75}, 1.0, 3.0, &slope), 1.5);
  EXPECT_DOUBLE_EQ(slope, -0.75);
  EXPECT_DOUBLE_EQ(value_of(QuantileLoss{0.75}, 3.0, 1.0, &slope), 0.5);
  EXPECT_DOUBLE_EQ(slope, 0.25);
  EXPECT_DOUBLE_EQ(value_of(QuantileLoss{0.75}, 3.0, 3.0, &slope), 0.0);
  EXPECT_DOUBLE_EQ(slope, 0.0);
  // The smoothing is never above, and at most h / 2 max(level, 1 - level)^2 below.
  EXPECT_DOUBLE_EQ(value_of(QuantileLoss{0.75, 0.1}, 1.0, 3.0, &slope), 1.5 - 0.05 * 0.5625);
  EXPECT_NEAR(value_of(PoissonLoss{}, std::log(2.0), 3.0, &slope), 3.0 * std::log(1.5) - 1.0,
              1e-15);
  EXPECT_NEAR(slope, -1.0, 1e-15);
  EXPECT_NEAR(value_of(PoissonLoss{}, 1.0, 0.0, &slope), std::exp(1.0), 1e-15);
  EXPECT_DOUBLE_EQ(value_of(PoissonLoss{}, 0.0, 1.0, &slope), 0.0);
}

// Rows whose classes PyTorch's cross_entropy(label_smoothing) has judged.
TEST(RowLoss, SmoothedLabelsAreThoseOfPyTorch) {
  const auto expected = reference("cross_entropy", "losses.json");
  const auto scores = expected["scores"].get<std::vector<std::vector<double>>>();
  const auto labels = expected["labels"].get<std::vector<std::int32_t>>();
  ASSERT_EQ(expected["cases"].size(), 3U);
  for (const auto& one : expected["cases"]) {
    const SoftmaxLoss loss{one["smoothing"].get<double>()};
    for (std::size_t i = 0; i < scores.size(); ++i) {
      std::vector<double> row = scores[i];
      const auto classes = static_cast<std::int64_t>(row.size());
      const RowTarget<double> target{nullptr, labels[i]};
      EXPECT_NEAR(loss.residual_in_place(row.data(), classes, target, 1.0),
                  one["losses"][i].get<double>(), 1e-13 * 30);
      for (std::size_t c = 0; c < row.size(); ++c) {
        EXPECT_NEAR(row[c], one["gradients"][i][c].get<double>(), 1e-15);
      }
    }
  }
}

// Two classes: logistic of a score is softmax of that score beside 0.
TEST(RowLoss, SmoothedLogisticIsSmoothedSoftmaxOfTwo) {
  for (const double smoothing : {0.0, 0.1, 0.9}) {
    for (const double score : {-3.0, 0.0, 0.5, 20.0}) {
      for (const std::int32_t label : {0, 1}) {
        double one = score;
        double two[] = {0.0, score};
        const RowTarget<double> target{nullptr, label};
        const double a = LogisticLoss{smoothing}.residual_in_place(&one, 1, target, 2.0);
        const double b = SoftmaxLoss{smoothing}.residual_in_place(two, 2, target, 2.0);
        EXPECT_NEAR(a, b, 1e-14 * (1.0 + b));
        EXPECT_NEAR(one, two[1], 1e-15);
      }
    }
  }
}

}  // namespace
}  // namespace steepest::tests
