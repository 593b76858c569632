// SPDX-License-Identifier: Apache-2.0
// A fit that goes on from a checkpoint ends in the same bits as one that never stopped: every rule
// and kind of schedule, and what comes before a run or in its place, the choice of a penalty,
// descents on wider losses, the programs of a quantile fit.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "steepest/checkpoint.hpp"
#include "steepest/fit.hpp"
#include "tests/backends.hpp"
#include "tests/named_data.hpp"
#include "tests/temporary_folder.hpp"

namespace steepest::tests {
namespace {

bool same(double one, double other) {
  return one == other || (std::isnan(one) && std::isnan(other));
}

void expect_equal_paths(const PathResult& one, const PathResult& other) {
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

void expect_equal(const FitResult& one, const FitResult& other) {
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
    EXPECT_EQ(one.history[i].gradient_max_norm, other.history[i].gradient_max_norm);
    EXPECT_EQ(one.history[i].learning_rate, other.history[i].learning_rate);
  }
  ASSERT_EQ(one.path.has_value(), other.path.has_value());
  if (one.path) {
    expect_equal_paths(*one.path, *other.path);
  }
}

// Stops at the first progress at or after `step`.
FitCallback stop_at(std::int64_t step) {
  return [step](const FitProgress& now) { return now.step < step; };
}

struct Method {
  const char* name;
  bool classes;
  const char* rule;
  const char* schedule;
  std::int64_t batch_size;
  std::int64_t stop;
};

class Resumes : public OnEveryBackend {
 protected:
  static Dataset data(const Method& method) {
    return named_random_data({700, 6, method.classes ? 3 : 2}, method.classes, 5);
  }

  void expect_same_bits(const Method& method) {
    SCOPED_TRACE(method.name);
    FitOptions options = fit_options();
    options.rule = parse_rule(method.rule);
    if (*method.schedule != '\0') {
      options.schedule = parse_schedule(method.schedule);
      options.learning_rate = 0.05;
    }
    options.batch_size = method.batch_size;
    options.epochs = 12;
    options.tolerance_gradient = 1e-14;
    options.threads = 1;
    const FitResult whole = fit(data(method), options);
    const TemporaryFolder folder;
    options.checkpoint.folder = folder.path("state");
    options.checkpoint.every_steps = 1;
    FitResult part = fit(data(method), options, stop_at(method.stop));
    ASSERT_EQ(part.termination.reason, Reason::interrupted);
    ASSERT_LT(part.steps, whole.steps);
    options.checkpoint.resume = true;
    options.threads = 3;
    const FitResult resumed = fit(data(method), options);
    EXPECT_NE(resumed.resumed_from, "");
    expect_equal(resumed, whole);
    const FitResult again = fit(data(method), options);  // of a run that has ended
    expect_equal(again, whole);
  }
};

TEST_P(Resumes, FullBatch) {
  if (steps_in_blocks(GetParam().engine)) {
    GTEST_SKIP() << "engine block takes mini-batches";
  }
  for (const Method& method : {Method{"moments", false, "accelerated", "", 0, 5},
                               Method{"rows", true, "accelerated", "", 0, 5},
                               Method{"momentum", true, "momentum:0.9", "cosine", 0, 4},
                               Method{"plateau", true, "gradient", "plateau:patience=1", 0, 6},
                               Method{"adagrad", false, "nesterov", "adagrad_norm", 0, 6},
                               Method{"borwein", true, "gradient", "barzilai_borwein", 0, 5},
                               Method{"armijo", false, "gradient", "armijo", 0, 5},
                               Method{"adgd", true, "gradient", "adgd", 0, 5},
                               Method{"dog", false, "averaged", "dog:start=0.1", 0, 5},
                               Method{"prodigy", true, "adam", "prodigy:start=0.1", 0, 5}}) {
    expect_same_bits(method);
  }
}

TEST_P(Resumes, QuasiNewton) {
  if (GetParam().kind != DeviceKind::cpu) {
    GTEST_SKIP() << "lbfgs is for the CPU";
  }
  expect_same_bits({"lbfgs", true, "lbfgs:4", "", 0, 7});
}

TEST_P(Resumes, MiniBatch) {
  for (const Method& method :
       {Method{"end of an epoch", true, "gradient", "cosine", 100, 14},
        Method{"middle of an epoch", true, "momentum", "wsd", 64, 17},
        Method{"regression", false, "nesterov", "plateau", 64, 40},
        Method{"sps", true, "gradient", "sps", 64, 17},
        Method{"dog", true, "averaged", "dog:start=0.1", 64, 17},
        Method{"distance", true, "gradient", "d_adaptation", 64, 17},
        Method{"hypergradient", false, "gradient", "hypergradient", 64, 17}}) {
    expect_same_bits(method);
  }
}

TEST_P(Resumes, RatesOfPasses) {
  if (steps_in_blocks(GetParam().engine)) {
    GTEST_SKIP() << "engine block keeps no mean of gradients";
  }
  expect_same_bits({"passes", true, "gradient", "sgd_bb", 64, 40});
}

TEST_P(Resumes, SearchesOnBatches) {
  if (GetParam().kind != DeviceKind::cpu) {
    GTEST_SKIP() << "searches on batches are for the CPU";
  }
  expect_same_bits({"armijo", true, "gradient", "armijo", 64, 17});
}

INSTANTIATE_TEST_SUITE_P(Backends, Resumes, testing::ValuesIn(batch_backend_cases()),
                         backend_case_name);

class ResumesStages : public testing::Test {
 protected:
  [[nodiscard]] Dataset data(bool classes, unsigned seed = 5) const {
    return named_random_data({900, 5, classes ? 3 : targets_}, classes, seed);
  }

  void SetUp() override { options_.device = parse_device("cpu"); }

  // Each start ends at its `calls`-th report, until one gets to the end.
  void expect_same_bits(bool classes, int calls, int least_starts) {
    options_.threads = 1;
    const FitResult whole = fit(data(classes), options_);
    const TemporaryFolder folder;
    options_.checkpoint.folder = folder.path("state");
    options_.checkpoint.every_steps = 1;
    options_.checkpoint.resume = true;
    FitResult part;
    int starts = 0;
    do {
      int left = calls;
      options_.threads = 1 + starts % 3;
      part = fit(data(classes), options_, [&](const FitProgress& /*now*/) { return --left > 0; });
      ASSERT_EQ(part.resumed_from.empty(), starts == 0);
      ASSERT_TRUE(part.resumable);
      ASSERT_LT(++starts, 2000);
    } while (part.termination.reason == Reason::interrupted);
    EXPECT_GE(starts, least_starts);
    expect_equal(part, whole);
    expect_equal(fit(data(classes), options_), whole);  // of one that has ended
  }

  FitOptions options_;
  std::int64_t targets_ = 1;  // of a regression
};

TEST_F(ResumesStages, Quantile) {
  options_.loss = QuantileLoss{0.3};
  expect_same_bits(false, 2, 10);
}

TEST_F(ResumesStages, QuantilesOfTwoTargets) {
  targets_ = 2;
  options_.loss = QuantileLoss{0.6};
  expect_same_bits(false, 2, 20);
}

// Ended as by kill -9, with nothing saved but what was due, three iterations before the end of the
// last program: no more of them than the interval are made again.
TEST_F(ResumesStages, QuantileLosesNoMoreThanAnIntervalOfIterations) {
  struct Killed {};
  options_.loss = QuantileLoss{0.3};
  for (const std::int64_t interval : {1, 4}) {
    const TemporaryFolder folder;
    FitOptions saved = options_;
    saved.checkpoint.folder = folder.path("whole");
    saved.checkpoint.every_steps = interval;
    int reports = 0;
    const FitResult whole = fit(data(false), saved, [&](const FitProgress& /*now*/) {
      ++reports;
      return true;
    });
    saved.checkpoint.folder = folder.path("state");
    int left = reports - 3;
    const auto killed = [&](const FitProgress& /*now*/) -> bool {
      if (--left == 0) {
        throw Killed{};
      }
      return true;
    };
    EXPECT_THROW(static_cast<void>(fit(data(false), saved, killed)), Killed);
    saved.checkpoint.resume = true;
    int again = 0;
    const FitResult resumed = fit(data(false), saved, [&](const FitProgress& /*now*/) {
      ++again;
      return true;
    });
    EXPECT_LE(again, 3 + interval);
    EXPECT_NE(resumed.resumed_from, "");
    expect_equal(resumed, whole);
  }
}

TEST_F(ResumesStages, QuantileWithPenalty) {
  options_.loss = QuantileLoss{0.8};
  options_.l2 = 0.1;
  expect_same_bits(false, 5, 3);
}

TEST_F(ResumesStages, NarrowHuber) {
  options_.loss = HuberLoss{1e-3};
  expect_same_bits(false, 4, 5);
}

TEST_F(ResumesStages, FoldsOfAPath) {
  for (int i = 0; i < 60; ++i) {  // of several banks
    options_.l2_path.push_back(std::pow(10.0, -6.0 + 0.1 * i));
  }
  options_.folds = 5;
  expect_same_bits(false, 4, 5);
}

TEST_F(ResumesStages, ValidationRowsOfAPath) {
  options_.l2_path = {1e-4, 1e-3, 1e-2, 1e-1};
  options_.validation = std::make_shared<DatasetRows>(data(true, 6));
  expect_same_bits(true, 3, 4);
}

TEST_F(ResumesStages, FoldsOfOnePenalty) {
  options_.folds = 3;
  options_.l2 = 0.01;
  expect_same_bits(true, 3, 4);
}

TEST_F(ResumesStages, ABudgetThatAPathHasSpentIsToldAsItWasGiven) {
  options_.l2_path = {1e-3, 1e-1};
  options_.folds = 3;
  options_.max_seconds = 1e-6;
  const FitResult cut = fit(data(true), options_);
  EXPECT_EQ(cut.termination.reason, Reason::seconds);
  EXPECT_TRUE(cut.path->cut);
  EXPECT_TRUE(cut.termination.inequality.ends_with(" >= 1e-06")) << cut.termination.inequality;
}

}  // namespace
}  // namespace steepest::tests
