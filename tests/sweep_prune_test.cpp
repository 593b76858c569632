// SPDX-License-Identifier: Apache-2.0
// Sweeps that halve their runs: which go on, whatever banks and threads there are, and after a
// stop.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "src/train/halted_banks.hpp"
#include "src/train/sweep_curve.hpp"
#include "steepest/error.hpp"
#include "steepest/sweep.hpp"
#include "tests/sweep_problems.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

// Of 8 runs, 4 go on after 2 epochs, 2 after 4, 1 after 8; the one that stays is as it is alone.
TEST(SweepPrune, PruningHalvesTheRunsOfABatchSize) {
  for (const std::int64_t batch : {0, 25}) {
    SweepOptions options =
        options_of("constant,cosine", {{0.05, true}, {0.1, true}, {0.2, true}, {1.0, true}}, 16);
    options.batch_sizes = {batch};
    const SweepResult all = sweep(iris(), options);
    options.prune = true;
    const SweepResult halved = sweep(iris(), options);
    ASSERT_EQ(halved.runs.size(), 8U);
    std::map<double, int> ended;
    for (std::size_t i = 0; i < halved.runs.size(); ++i) {
      const SweepRun& run = halved.runs[i];
      ++ended[run.epochs];
      EXPECT_EQ(run.pruned, run.reason != Reason::epochs);
      if (!run.pruned) {
        EXPECT_EQ(run.final_objective, all.runs[i].final_objective);
      }
      EXPECT_EQ(run.curve.back().epoch, run.epochs);
      EXPECT_EQ(run.curve.back().objective, run.final_objective);
      for (const SweepPoint& point : run.curve) {
        EXPECT_LE(point.epoch, run.epochs);
      }
    }
    EXPECT_EQ(ended, (std::map<double, int>{{2.0, 4}, {4.0, 2}, {8.0, 1}, {16.0, 1}}));
  }
}

// Three seeds and two batch sizes are banks of their own, and narrow banks more of them still: the
// same runs go on.
TEST(SweepPrune, PruningDoesNotDependOnBanksOrThreads) {
  SweepOptions options =
      options_of("constant,cosine,wsd", {{0.1, true}, {1.0, true}, {4.0, true}, {60, true}}, 17);
  options.batch_sizes = {25, 40};
  options.seeds = {1, 2, 3};
  options.prune = true;
  const SweepResult wide = sweep(iris(), options);
  ASSERT_EQ(wide.runs.size(), 72U);
  EXPECT_EQ(wide.plan.banks, 6);
  EXPECT_GT(std::count_if(wide.runs.begin(), wide.runs.end(),
                          [](const SweepRun& run) { return run.pruned; }),
            40);
  for (const auto& [columns, threads] : {std::pair{1, 1}, {7, 3}, {16, 2}, {1000, 5}}) {
    options.bank_columns = columns;
    options.problem.threads = threads;
    const SweepResult other = sweep(iris(), options);
    EXPECT_EQ(other.plan.banks == 6, columns >= 36) << columns;
    for (std::size_t i = 0; i < wide.runs.size(); ++i) {
      SCOPED_TRACE(describe(wide.runs[i].what, 150));
      EXPECT_EQ(other.runs[i].pruned, wide.runs[i].pruned);
      EXPECT_EQ(other.runs[i].reason, wide.runs[i].reason);
      EXPECT_EQ(other.runs[i].steps, wide.runs[i].steps);
      EXPECT_EQ(other.runs[i].curve.size(), wide.runs[i].curve.size());
      if (wide.runs[i].reason != Reason::diverged) {
        EXPECT_EQ(other.runs[i].final_objective, wide.runs[i].final_objective);
      }
    }
  }
}

// Stopped at any moment, within a bank, between banks or where all halt, it goes on to the same
// end.
TEST(SweepPrune, APrunedSweepGoesOnWhereItWasStopped) {
  SweepOptions options =
      options_of("constant,cosine", {{0.1, true}, {1.0, true}, {4.0, true}, {60, true}}, 16);
  options.batch_sizes = {25, 0};
  options.seeds = {1, 2};
  options.prune = true;
  int reports = 0;
  const SweepResult whole = sweep(iris(), options, [&reports](const SweepProgress& /*now*/) {
    ++reports;
    return true;
  });
  ASSERT_GT(reports, 20);
  for (int stop = 1; stop < reports; stop += 3) {
    SCOPED_TRACE(stop);
    const TemporaryFolder folder;
    SweepOptions saved = options;
    saved.problem.checkpoint.folder = folder.path("state");
    int seen = 0;
    const SweepResult cut =
        sweep(iris(), saved, [&](const SweepProgress& /*now*/) { return ++seen < stop; });
    for (const SweepRun& run : cut.runs) {
      EXPECT_NE(run.reason, Reason::running);
    }
    saved.problem.checkpoint.resume = true;
    const SweepResult resumed = sweep(iris(), saved);
    EXPECT_FALSE(resumed.interrupted);
    EXPECT_EQ(resumed.optimum.objective,
              cut.interrupted ? whole.optimum.objective : resumed.optimum.objective);
    for (std::size_t i = 0; i < whole.runs.size() && cut.interrupted; ++i) {
      EXPECT_EQ(resumed.runs[i].pruned, whole.runs[i].pruned) << i;
      EXPECT_EQ(resumed.runs[i].reason, whole.runs[i].reason) << i;
      EXPECT_EQ(resumed.runs[i].curve.size(), whole.runs[i].curve.size()) << i;
      if (whole.runs[i].reason != Reason::diverged) {
        EXPECT_EQ(resumed.runs[i].final_objective, whole.runs[i].final_objective) << i;
      }
    }
  }
}

TEST(SweepPrune, PruningEndsTheHigherHalfOfEachBatchSize) {
  std::vector<SweepRun> runs(8);
  const double objectives[] = {3, 1, 2, 2, 9, 8, 7, 0};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    runs[i].final_objective = objectives[i];
    runs[i].what.batch_size = i < 4 ? 16 : 32;
    runs[i].what.schedule.learning_rate = static_cast<double>(i + 1);
  }
  runs[7].reason = Reason::diverged;
  EXPECT_EQ(train::pruned_after_leg(runs), (std::vector<std::size_t>{3, 0, 4}));
}

// Three seeds of four rates: medians 5, 2, infinite (two seeds diverged) and 4.
TEST(SweepPrune, PruningTakesAllSeedsOfARate) {
  std::vector<SweepRun> runs(12);
  const double objectives[] = {1, 5, 6, 9, 2, 2, 0, 0, 0, 4, 4, 4};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    runs[i].final_objective = objectives[i];
    runs[i].what.schedule.learning_rate = static_cast<double>(i / 3 + 1);
    runs[i].what.seed = i % 3;
  }
  runs[6].reason = Reason::diverged;
  runs[7].reason = Reason::diverged;
  EXPECT_EQ(train::pruned_after_leg(runs), (std::vector<std::size_t>{0, 1, 2, 8}));
}

TEST(SweepPrune, LegsAreWholeEpochsAndNoneTwice) {
  EXPECT_EQ(train::sweep_legs(16, true), (std::vector<std::int64_t>{2, 4, 8, 16}));
  EXPECT_EQ(train::sweep_legs(3, true), (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(train::sweep_legs(1, true), (std::vector<std::int64_t>{1}));
  EXPECT_EQ(train::sweep_legs(16, false), (std::vector<std::int64_t>{16}));
}

// Before anything is trained, and not with the fix for rows that do not fit.
TEST(HaltedBanks, AFolderThatTakesNoFileIsToldAtOnce) {
  SweepOptions options = options_of("constant,cosine", {{1.0, true}}, 8);
  options.cache_folder = "/nowhere/at/all";
  EXPECT_NO_THROW(static_cast<void>(sweep(iris(), options)));
  options.prune = true;
  int reports = 0;
  const std::string said = thrown_message<InputError>([&] {
    return sweep(iris(), options, [&](const SweepProgress& /*now*/) { return ++reports > 0; });
  });
  EXPECT_NE(said.find("--prune"), std::string::npos) << said;
  EXPECT_EQ(said.find("--memory"), std::string::npos) << said;
  EXPECT_EQ(reports, 0);
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
