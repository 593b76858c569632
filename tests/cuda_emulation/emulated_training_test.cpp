// SPDX-License-Identifier: Apache-2.0
// What kernels/*.cu promise of a run and only an emulation can show: no allocation in a step, how
// many launches and waits it takes, the same bits in any order of blocks and threads.
#include "tests/cuda_emulation/emulated_training.hpp"

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "kernels/host_steps.hpp"
#include "tests/cuda_emulation/emulation.hpp"
#include "tests/cuda_emulation/emulation_fixture.hpp"

namespace steepest::tests {
namespace {

using emulation::counts;
using emulation::Machine;
using emulation::set_machine;

class EmulatedTraining : public Emulation {};

// Two partitions of rows, the last a row short; two groups of 32 models, of the fused engine six;
// two tasks of elements a model: 5 * 61 > 256.
std::vector<Problem> problems_of_many_blocks() {
  const ProblemShape shape{1101, 60, 5, true};
  return {{SoftmaxLoss{}, shape, 34},
          {SoftmaxLoss{}, shape, 3, 1031},
          {SquaredLoss{}, shape, 3, 0, true}};
}

void expect_trains_like_the_cpu(const Problem& problem, std::int64_t steps) {
  const auto cpu = kernels::make_cpu_backend(1, Precision::fp64);
  const std::vector<double> expected = train(*cpu, problem, steps);
  const std::vector<double> found = train_emulated(Precision::fp64, problem, steps);
  ASSERT_EQ(found.size(), expected.size());
  double worst = 0.0;
  for (std::size_t e = 0; e < found.size(); ++e) {
    const double gap = std::fabs(found[e] - expected[e]) / (1.0 + std::fabs(expected[e]));
    worst = gap <= worst ? worst : gap;  // keeps a NaN
  }
  EXPECT_LE(worst, 1e-12);
}

TEST_F(EmulatedTraining, ManyBlocksTrainLikeTheCpu) {
  for (const Problem& problem : problems_of_many_blocks()) {
    expect_trains_like_the_cpu(problem, 3);
  }
}

TEST_F(EmulatedTraining, RunAllocatesNothing) {
  for (const Engine engine : {Engine::products, Engine::fused}) {
    for (const Precision precision : {Precision::fp64, Precision::fp32}) {
      for (const Problem& problem : problems_of_many_blocks()) {
        const auto backend = kernels::make_cuda_backend(0, precision, engine);
        start(*backend, problem);
        const std::int64_t allocations = counts().allocations;
        History history(static_cast<std::size_t>(problem.models));
        backend->run(3, history);
        backend->evaluate();
        EXPECT_EQ(counts().allocations, allocations);
      }
    }
  }
}

// A batch of the fused engine: a pass and an update; more partitions than the update takes alone
// cost a third launch. No products, and rows are not copied.
TEST_F(EmulatedTraining, AFusedStepIsTwoLaunchesOrThree) {
  constexpr std::int64_t steps = 10;
  for (const auto& [rows, launches] : {std::pair{200, 2}, std::pair{20000, 3}}) {
    for (const std::int64_t outputs : {1, 10}) {
      const auto backend = kernels::make_cuda_backend(0, Precision::fp32, Engine::fused);
      start(*backend, {SquaredLoss{}, {30000, 20, outputs}, 1, rows});
      const emulation::Counts before = counts();
      History history(1);
      backend->run(steps, history);
      // The last batch of an epoch is smaller, and may need no third.
      EXPECT_LE(counts().launches - before.launches, launches * steps) << rows << " " << outputs;
      EXPECT_GT(counts().launches - before.launches, (launches - 1) * steps);
      EXPECT_EQ(counts().products, before.products);
    }
  }
}

TEST_F(EmulatedTraining, TheHostWaitsOnceIn64Steps) {
  const auto backend = kernels::make_cuda_backend(0, Precision::fp64);
  start(*backend, {SquaredLoss{}, {40, 3, 1}});
  const std::int64_t waits = counts().waits;
  History history(1);
  backend->run(128, history);
  EXPECT_EQ(history[0].size(), 128U);
  EXPECT_EQ(counts().waits - waits, 2);
}

void expect_same_bits_in_any_order(Precision precision, const Problem& problem, Engine engine) {
  set_machine({});
  const std::vector<double> expected = train_emulated(precision, problem, 3, engine);
  for (const std::int64_t most_blocks : {1, 3, std::numeric_limits<int>::max()}) {
    Machine machine;
    machine.most_blocks = most_blocks;
    machine.seed = static_cast<unsigned>(most_blocks % 1000) + 7;
    set_machine(machine);
    EXPECT_EQ(train_emulated(precision, problem, 3, engine), expected)
        << most_blocks << " blocks, engine " << name(engine);
  }
}

TEST_F(EmulatedTraining, BitsDoNotDependOnTheOrderOrTheNumberOfBlocks) {
  for (const Engine engine : {Engine::products, Engine::fused}) {
    for (const Precision precision : {Precision::fp64, Precision::fp32}) {
      for (const Problem& problem : problems_of_many_blocks()) {
        expect_same_bits_in_any_order(precision, problem, engine);
      }
      expect_same_bits_in_any_order(precision, {LogisticLoss{}, {903, 11, 1, true}, 3, 700},
                                    engine);
    }
  }
}

TEST_F(EmulatedTraining, TensorCoresGiveTheSameBitsInAnyOrder) {
  for (const Precision precision : {Precision::tf32, Precision::bf16}) {
    expect_same_bits_in_any_order(precision, {SoftmaxLoss{}, {103, 60, 5, true}, 7, 80},
                                  Engine::fused);
  }
}

// Nor on how much shared memory a block has: what does not fit is worked on where the bank is.
TEST_F(EmulatedTraining, BitsOfBlocksDoNotDependOnTheirOrderOrTheirSharedMemory) {
  for (const Precision precision : {Precision::fp64, Precision::fp32}) {
    for (const Problem& problem : {Problem{SoftmaxLoss{}, {90, 130, 5, true}, 9, 33},
                                   Problem{SquaredLoss{}, {90, 7, 1}, 9, 32}}) {
      set_machine({});
      const std::vector<double> expected = train_emulated(precision, problem, 5, Engine::block);
      for (const std::int64_t most_blocks : {1, 4, std::numeric_limits<int>::max()}) {
        for (const std::int64_t shared_bytes : {20'000, 26'000, 48 << 10}) {
          Machine machine;
          machine.most_blocks = most_blocks;
          machine.shared_bytes = shared_bytes;
          machine.seed = static_cast<unsigned>(most_blocks % 1000) + 7;
          set_machine(machine);
          EXPECT_EQ(train_emulated(precision, problem, 5, Engine::block), expected)
              << most_blocks << " blocks of " << shared_bytes << " bytes";
        }
      }
    }
  }
}

// Blocks that share a batch go on one at a time, by chance, from barrier to barrier.
TEST_F(EmulatedTraining, BitsOfSharedBatchesDoNotDependOnTheOrderOfTheirBlocks) {
  for (const auto& [precision, engine] :
       {std::pair{Precision::fp64, Engine::block}, std::pair{Precision::fp32, Engine::block},
        std::pair{Precision::fp64, Engine::grid}, std::pair{Precision::fp32, Engine::grid}}) {
    for (const Problem& problem : {Problem{SoftmaxLoss{}, {300, 20, 5, true}, 3, 290},
                                   Problem{SquaredLoss{}, {600, 7, 1}, 3, 513}}) {
      Machine machine;
      machine.multiprocessors = 16;
      set_machine(machine);
      const std::vector<double> expected = train_emulated(precision, problem, 7, engine);
      for (const unsigned seed : {2U, 3U, 5U}) {
        machine.most_blocks = 8 * seed;
        machine.seed = seed;
        set_machine(machine);
        EXPECT_EQ(train_emulated(precision, problem, 7, engine), expected) << seed;
      }
    }
  }
}

// The first trial on a line multiplies once, one that is kept twice more, and one that is taken
// back never again.
TEST_F(EmulatedTraining, ATrialThatIsTakenBackMultipliesNothing) {
  const auto backend = kernels::make_line_backend(
      kernels::make_cuda_backend(0, Precision::fp64, Engine::products), 1);
  backend->hold(random_data({300, 5, 1}, true, 21));
  BankPlan bank;
  bank.loss = LogisticLoss{};
  bank.models.resize(1);
  bank.models[0].schedule = parse_schedule("armijo");
  bank.models[0].schedule.learning_rate = 1e6;
  bank.models[0].schedule.horizon = 100;
  backend->start(std::move(bank));
  History history(1);
  backend->run(1, history);
  double rate = backend->state(0).learning_rate;
  std::int64_t taken_back = 0;
  for (int step = 1; step < 40; ++step) {
    const bool first =
        !backend->state(0).schedule.trying || backend->state(0).schedule.refusals == 0;
    const std::int64_t before = counts().products;
    backend->run(1, history);
    const bool back = backend->state(0).learning_rate < rate;
    EXPECT_EQ(counts().products - before, (first ? 1 : 0) + (back ? 0 : 2)) << step;
    taken_back += back ? 1 : 0;
    rate = backend->state(0).learning_rate;
  }
  EXPECT_GT(taken_back, 20);
}

TEST_F(EmulatedTraining, BlocksTakeAThousandStepsInOneLaunch) {
  const auto backend = kernels::make_cuda_backend(0, Precision::fp32, Engine::block);
  start(*backend, {SquaredLoss{}, {40, 3, 1}, 2, 7});
  const std::int64_t launches = counts().launches;
  const std::int64_t allocations = counts().allocations;
  const std::int64_t waits = counts().waits;
  History history(2);
  backend->run(1024, history);
  EXPECT_EQ(history[1].size(), 1024U);
  EXPECT_EQ(counts().launches - launches, 1);
  EXPECT_EQ(counts().allocations, allocations);
  EXPECT_LE(counts().waits - waits, 2);
}

// 16,800 columns leave room for chunks of one partition only, so 1100 rows take two: the way of
// all runs on more than 131,072 rows.
TEST_F(EmulatedTraining, ChunksAddUpLikeTheCpu) {
  for (const std::int64_t batch : {0, 1060}) {
    expect_trains_like_the_cpu({SquaredLoss{}, {1100, 1, 8, true}, 2100, batch}, 2);
  }
}

// 96 MB of features: the third piece of 32 MiB takes the page-locked buffer of the first.
TEST_F(EmulatedTraining, UploadsRowsInPieces) {
  constexpr std::int64_t rows = 400000;
  kernels::TrainingData data;
  data.features = FeatureMatrix(rows, 60);
  for (std::int64_t i = 0; i < rows; ++i) {
    data.features.row(i)[0] = static_cast<float>(i);
  }
  data.mean.assign(60, 0.0);
  data.scale.assign(60, 1.0);
  data.targets.assign(rows, 0.0);
  const auto backend = kernels::make_cuda_backend(0, Precision::fp32);
  backend->hold(std::move(data));
  BankPlan bank;
  bank.loss = SquaredLoss{};
  bank.models = mixed_plans(1);
  bank.initial.assign(61, 0.0);
  bank.initial[0] = 1.0;
  backend->start(std::move(bank));
  std::vector<double> scores(static_cast<std::size_t>(rows));
  backend->scores(0, 0, rows, scores.data());
  for (std::int64_t i = 0; i < rows; ++i) {
    ASSERT_EQ(scores[static_cast<std::size_t>(i)], static_cast<double>(i));
  }
}

// Stopped in one portion of steps, it must not leave its records again in the next.
TEST_F(EmulatedTraining, AStoppedModelLeavesNoRecords) {
  const auto backend = kernels::make_cuda_backend(0, Precision::fp64);
  start(*backend, {SquaredLoss{}, {40, 3, 1}, 2});
  History history(2);
  backend->run(10, history);
  backend->stop(1, Reason::seconds);
  backend->run(10, history);
  EXPECT_EQ(history[0].size(), 20U);
  EXPECT_EQ(history[1].size(), 10U);
}

TEST_F(EmulatedTraining, StaysOnItsDeviceAndRestoresTheCallers) {
  const Problem problem{SquaredLoss{}, {40, 3, 1}};
  const std::vector<double> expected = train_emulated(Precision::fp64, problem, 5);
  Machine machine;
  machine.devices = 2;
  set_machine(machine);
  EXPECT_EQ(train(*kernels::make_cuda_backend(1, Precision::fp64), problem, 5), expected);
  int current = -1;
  EXPECT_EQ(cudaGetDevice(&current), cudaSuccess);
  EXPECT_EQ(current, 0);
}

}  // namespace
}  // namespace steepest::tests
