// SPDX-License-Identifier: Apache-2.0
// What comes before a run, or in its place, is saved too: the choice of a penalty, descents on
// wider losses, the programs of a quantile fit. Stopped wherever it can be, it ends in the same
// bits.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "src/train/halted_banks.hpp"
#include "steepest/fit.hpp"
#include "tests/problems.hpp"
#include "tests/temporary_folder.hpp"

namespace steepest::tests {
namespace {

Dataset data_of(bool classes, unsigned seed = 5) {
  constexpr std::int64_t rows = 900;
  constexpr std::int64_t features = 5;
  kernels::TrainingData made = random_data({rows, features, classes ? 3 : 1}, classes, seed);
  Dataset data;
  data.features = std::move(made.features);
  data.targets = std::move(made.targets);
  data.labels = std::move(made.labels);
  for (std::int64_t j = 0; j < features; ++j) {
    FeatureColumn column;
    column.name = "x" + std::to_string(j);
    data.schema.columns.push_back(column);
  }
  data.schema.target_names = {"y"};
  if (classes) {
    data.schema.classes = {"a", "b", "c"};
  }
  return data;
}

bool same(double one, double other) {
  return one == other || (std::isnan(one) && std::isnan(other));
}

class Stages : public testing::Test {
 protected:
  void SetUp() override { options_.device = parse_device("cpu"); }

  // Each start ends at its `calls`-th report, until one gets to the end.
  void expect_same_bits(bool classes, int calls, int least_starts) {
    options_.threads = 1;
    const FitResult whole = fit(data_of(classes), options_);
    const TemporaryFolder folder;
    options_.checkpoint.folder = folder.path("state");
    options_.checkpoint.every_steps = 1;
    options_.checkpoint.resume = true;
    FitResult part;
    int starts = 0;
    do {
      int left = calls;
      options_.threads = 1 + starts % 3;
      part =
          fit(data_of(classes), options_, [&](const FitProgress& /*now*/) { return --left > 0; });
      ASSERT_EQ(part.resumed_from.empty(), starts == 0);
      ASSERT_TRUE(part.resumable);
      ASSERT_LT(++starts, 2000);
    } while (part.termination.reason == Reason::interrupted);
    EXPECT_GE(starts, least_starts);
    expect_equal(part, whole);
    expect_equal(fit(data_of(classes), options_), whole);  // of one that has ended
  }

  static void expect_equal(const FitResult& one, const FitResult& other) {
    EXPECT_EQ(one.model.coefficients, other.model.coefficients);
    EXPECT_EQ(one.model.intercept, other.model.intercept);
    EXPECT_EQ(one.model.l2, other.model.l2);
    EXPECT_EQ(one.steps, other.steps);
    EXPECT_EQ(one.gap_bound, other.gap_bound);
    EXPECT_EQ(one.termination.reason, other.termination.reason);
    EXPECT_EQ(one.termination.inequality, other.termination.inequality);
    EXPECT_EQ(one.warnings, other.warnings);
    ASSERT_EQ(one.history.size(), other.history.size());
    for (std::size_t i = 0; i < one.history.size(); ++i) {
      EXPECT_EQ(one.history[i].step, other.history[i].step);
      EXPECT_EQ(one.history[i].mean_loss, other.history[i].mean_loss);
    }
    ASSERT_EQ(one.path.has_value(), other.path.has_value());
    if (one.path) {
      expect_equal(*one.path, *other.path);
    }
  }

  static void expect_equal(const PathResult& one, const PathResult& other) {
    EXPECT_EQ(one.picked, other.picked);
    EXPECT_EQ(one.best, other.best);
    EXPECT_EQ(one.models, other.models);
    EXPECT_EQ(one.banks, other.banks);
    EXPECT_EQ(one.passes, other.passes);
    EXPECT_FALSE(one.cut);
    ASSERT_EQ(one.points.size(), other.points.size());
    for (std::size_t i = 0; i < one.points.size(); ++i) {
      EXPECT_TRUE(same(one.points[i].validation_loss, other.points[i].validation_loss));
      EXPECT_EQ(one.points[i].train_loss, other.points[i].train_loss);
      EXPECT_EQ(one.points[i].standard_error, other.points[i].standard_error);
      EXPECT_EQ(one.points[i].degrees_of_freedom, other.points[i].degrees_of_freedom);
      EXPECT_EQ(one.points[i].fold_losses, other.points[i].fold_losses);
      EXPECT_EQ(one.points[i].steps, other.points[i].steps);
      EXPECT_EQ(one.points[i].l2, other.points[i].l2);
    }
  }

  FitOptions options_;
};

TEST_F(Stages, Quantile) {
  options_.loss = QuantileLoss{0.3};
  expect_same_bits(false, 2, 10);
}

TEST_F(Stages, QuantileWithPenalty) {
  options_.loss = QuantileLoss{0.8};
  options_.l2 = 0.1;
  expect_same_bits(false, 5, 3);
}

TEST_F(Stages, NarrowHuber) {
  options_.loss = HuberLoss{1e-3};
  expect_same_bits(false, 4, 5);
}

TEST_F(Stages, FoldsOfAPath) {
  for (int i = 0; i < 60; ++i) {  // of several banks
    options_.l2_path.push_back(std::pow(10.0, -6.0 + 0.1 * i));
  }
  options_.folds = 5;
  expect_same_bits(false, 4, 5);
}

TEST_F(Stages, ValidationRowsOfAPath) {
  options_.l2_path = {1e-4, 1e-3, 1e-2, 1e-1};
  options_.validation = std::make_shared<DatasetRows>(data_of(true, 6));
  expect_same_bits(true, 3, 4);
}

TEST_F(Stages, FoldsOfOnePenalty) {
  options_.folds = 3;
  options_.l2 = 0.01;
  expect_same_bits(true, 3, 4);
}

TEST_F(Stages, ABudgetThatAPathHasSpentIsToldAsItWasGiven) {
  options_.l2_path = {1e-3, 1e-1};
  options_.folds = 3;
  options_.max_seconds = 1e-6;
  const FitResult cut = fit(data_of(true), options_);
  EXPECT_EQ(cut.termination.reason, Reason::seconds);
  EXPECT_TRUE(cut.path->cut);
  EXPECT_TRUE(cut.termination.inequality.ends_with(" >= 1e-06")) << cut.termination.inequality;
}

// In files or in memory, banks find what they left, whichever of them go on.
TEST(HaltedBanks, KeepTheirStates) {
  const TemporaryFolder folder;
  for (const std::string& place : {std::string(), folder.path(".")}) {
    train::HaltedBanks banks(3, place);
    EXPECT_TRUE(banks.is_empty(1));
    banks.put(0, "zero");
    banks.put(1, std::string(100'000, 'x'));
    banks.put(2, "two");
    for (int leg = 0; leg < 3; ++leg) {
      banks.begin_leg();
      const std::string state = banks.get(1);
      EXPECT_EQ(state, std::string(100'000 + static_cast<std::size_t>(leg), 'x'));
      banks.put(1, state + 'x');
      EXPECT_EQ(banks.get(2), leg == 0 ? "two" : "three");
      banks.put(2, "three");
      banks.put(0, "");
      EXPECT_TRUE(banks.is_empty(0));
    }
    kernels::StateArchive written = kernels::StateArchive::writing();
    banks.exchange_state(written);
    train::HaltedBanks others(3, place);
    kernels::StateArchive read = kernels::StateArchive::reading(written.written(), "it");
    others.exchange_state(read);
    read.expect_end();
    EXPECT_EQ(others.get(1), banks.get(1));
    EXPECT_EQ(others.get(2), "three");
    EXPECT_TRUE(others.is_empty(0));
  }
  EXPECT_EQ(folder.entries(), 0);
}

}  // namespace
}  // namespace steepest::tests
