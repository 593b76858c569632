// SPDX-License-Identifier: Apache-2.0
// What kernels/*.cu promise and only an emulation can show: no allocation in a step, the same bits
// in any order of blocks and threads, and the sentence of every failure. Then that the emulation
// sees the mistakes it is there for.
#include "tests/cuda_emulation/emulation.hpp"

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "kernels/backend.hpp"
#include "kernels/device_buffer.cuh"
#include "kernels/stream.cuh"
#include "steepest/error.hpp"
#include "tests/cuda_emulation/block.hpp"
#include "tests/cuda_emulation/device_memory.hpp"
#include "tests/problems.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

using emulation::counts;
using emulation::Machine;
using emulation::set_machine;
using kernels::Backend;
using kernels::BankPlan;
using kernels::ModelPlan;

using History = std::vector<std::vector<kernels::StepRecord>>;

/// Every test starts on the default machine and leaves nothing on it.
class Emulation : public testing::Test {
 protected:
  void SetUp() override { set_machine({}); }
  void TearDown() override {
    set_machine({});
    EXPECT_EQ(counts().bytes_held, 0);
  }
};

/// A bank on random data.
struct Problem {
  RowLoss loss;
  ProblemShape shape;
  std::int64_t models = 1;
  std::int64_t batch_size = 0;
  bool preconditioned = false;
};

// Of rules, rates and penalties that differ from model to model.
std::vector<ModelPlan> mixed_plans(std::int64_t models) {
  std::vector<ModelPlan> plans(static_cast<std::size_t>(models));
  for (std::size_t k = 0; k < plans.size(); ++k) {
    plans[k].rule = {static_cast<RuleKind>(k % 4), 0.7};
    plans[k].schedule.learning_rate = 0.02 + 0.001 * static_cast<double>(k % 7);
    plans[k].schedule.horizon = 100;
    plans[k].penalty.l2 = k % 2 == 0 ? 0.0 : 0.01;
  }
  return plans;
}

// Diagonal but for one pair of neighbours, positive definite.
std::vector<double> small_preconditioner(std::int64_t stride) {
  std::vector<double> matrix(static_cast<std::size_t>(stride * stride));
  for (std::int64_t j = 0; j < stride; ++j) {
    matrix[static_cast<std::size_t>(j * stride + j)] = 1.0 + 0.1 * static_cast<double>(j % 5);
  }
  matrix[1] = 0.25;
  matrix[static_cast<std::size_t>(stride)] = 0.25;
  return matrix;
}

void start(Backend& backend, const Problem& problem) {
  backend.hold(random_data(problem.shape, classifies(problem.loss), 21));
  BankPlan bank;
  bank.loss = problem.loss;
  bank.outputs = columns_of(problem.loss, problem.shape.outputs);
  bank.models = mixed_plans(problem.models);
  bank.batch_size = problem.batch_size;
  bank.seed = 5;
  if (problem.preconditioned) {
    bank.preconditioner = small_preconditioner(problem.shape.features + 1);
  }
  backend.start(std::move(bank));
}

// Parameters, scores of a few rows and evaluations of all models, and the history.
std::vector<double> train(Backend& backend, const Problem& problem, std::int64_t steps) {
  start(backend, problem);
  History history(static_cast<std::size_t>(problem.models));
  backend.run(steps, history);
  backend.evaluate();
  std::vector<double> all;
  for (std::int64_t model = 0; model < problem.models; ++model) {
    const std::vector<double> parameters = backend.parameters(model);
    all.insert(all.end(), parameters.begin(), parameters.end());
    std::vector<double> scores(
        static_cast<std::size_t>(3 * columns_of(problem.loss, problem.shape.outputs)));
    backend.scores(model, problem.shape.rows / 2, 3, scores.data());
    all.insert(all.end(), scores.begin(), scores.end());
    all.push_back(backend.state(model).at.objective());
    for (const kernels::StepRecord& record : history[static_cast<std::size_t>(model)]) {
      all.push_back(record.at.objective());
    }
  }
  return all;
}

std::vector<double> train_emulated(Precision precision, const Problem& problem, std::int64_t steps,
                                   Engine engine = Engine::automatic) {
  return train(*kernels::make_cuda_backend(0, precision, engine), problem, steps);
}

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

TEST_F(Emulation, ManyBlocksTrainLikeTheCpu) {
  for (const Problem& problem : problems_of_many_blocks()) {
    expect_trains_like_the_cpu(problem, 3);
  }
}

TEST_F(Emulation, RunAllocatesNothing) {
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
TEST_F(Emulation, AFusedStepIsTwoLaunchesOrThree) {
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

TEST_F(Emulation, TheHostWaitsTwiceIn64Steps) {
  const auto backend = kernels::make_cuda_backend(0, Precision::fp64);
  start(*backend, {SquaredLoss{}, {40, 3, 1}});
  const std::int64_t waits = counts().waits;
  History history(1);
  backend->run(128, history);
  EXPECT_EQ(history[0].size(), 128U);
  EXPECT_LE(counts().waits - waits, 4);
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

TEST_F(Emulation, BitsDoNotDependOnTheOrderOrTheNumberOfBlocks) {
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

// Nor on how much shared memory a block has: what does not fit is worked on where the bank is.
TEST_F(Emulation, BitsOfBlocksDoNotDependOnTheirOrderOrTheirSharedMemory) {
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

TEST_F(Emulation, BlocksTakeAThousandStepsInOneLaunch) {
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
TEST_F(Emulation, ChunksAddUpLikeTheCpu) {
  for (const std::int64_t batch : {0, 1060}) {
    expect_trains_like_the_cpu({SquaredLoss{}, {1100, 1, 8, true}, 2100, batch}, 2);
  }
}

// 96 MB of features: the third piece of 32 MiB takes the page-locked buffer of the first.
TEST_F(Emulation, UploadsRowsInPieces) {
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
TEST_F(Emulation, AStoppedModelLeavesNoRecords) {
  const auto backend = kernels::make_cuda_backend(0, Precision::fp64);
  start(*backend, {SquaredLoss{}, {40, 3, 1}, 2});
  History history(2);
  backend->run(10, history);
  backend->stop(1, Reason::seconds);
  backend->run(10, history);
  EXPECT_EQ(history[0].size(), 20U);
  EXPECT_EQ(history[1].size(), 10U);
}

TEST_F(Emulation, StaysOnItsDeviceAndRestoresTheCallers) {
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

TEST_F(Emulation, AFullMemoryNamesWhatDidNotFit) {
  Machine machine;
  machine.memory_bytes = 40'000'000;
  set_machine(machine);
  const auto backend = kernels::make_cuda_backend(0, Precision::fp64);
  const auto hold = [&](std::int64_t rows) { backend->hold(random_data({rows, 99, 1}, false, 1)); };
  // cuBLAS has 32 MiB of the 40 MB. (10,000 + 128) rows of 100 doubles are 8.102 MB.
  EXPECT_EQ(thrown_message<DeviceError>([&] { hold(10000); }),
            "the GPU is out of memory: the features need 0.008 GB, and 0.006 of 0.040 GB are free; "
            "use fewer rows, precision fp32, another GPU or the CPU");
  hold(100);
}

TEST_F(Emulation, ASmallerGpuTakesWhatItsSharedMemoryHolds) {
  Machine machine;
  machine.shared_bytes = 99 * 1024;  // of sm_86
  set_machine(machine);
  const auto message = [](const Problem& problem) {
    return thrown_message<OptionError>(
        [&] { train_emulated(Precision::fp32, problem, 1, Engine::fused); });
  };
  // 12 columns and two tiles of 24 rows, 788 floats each, 4 x 24 x 16 scores, 10 KB declared.
  EXPECT_EQ(message({SoftmaxLoss{}, {20, 784, 10}}),
            "--engine fused needs 201 KB of shared memory a block for this model, and this GPU "
            "gives 99 KB: use --engine products");
  EXPECT_NO_THROW(train_emulated(Precision::fp32, {SoftmaxLoss{}, {20, 20, 10}}, 1, Engine::fused));
  EXPECT_NO_THROW(train_emulated(Precision::fp32, {SquaredLoss{}, {20, 784, 1}}, 1, Engine::fused));
}

TEST_F(Emulation, AFusedLaunchThatFailsIsADeviceError) {
  for (const char* const call : {"cudaFuncSetAttribute", "cudaLaunchKernelEx"}) {
    Machine machine;
    machine.failing_call = call;
    set_machine(machine);
    const Problem problem{SoftmaxLoss{}, {40, 3, 10}};
    EXPECT_EQ(
        thrown_message<DeviceError>(
            [&] { train_emulated(Precision::fp64, problem, 1, Engine::fused); }),
        "the GPU failed while reading rows once: emulated failure; use another GPU or the CPU")
        << call;
    EXPECT_EQ(counts().bytes_held, 0) << call;
    static_cast<void>(cudaGetLastError());
  }
}

TEST_F(Emulation, EveryFailingCallIsADeviceError) {
  const std::vector<std::pair<std::string, std::string>> failures = {
      {"cudaGetDeviceProperties", "asking for its properties"},
      {"cudaDeviceGetAttribute", "asking for its properties"},
      {"cudaGetDevice", "asking for the current device"},
      {"cudaSetDevice", "choosing the device"},
      {"cudaStreamCreateWithFlags", "creating a stream"},
      {"cublasCreate", "starting cuBLAS"},
      {"cublasSetWorkspace", "starting cuBLAS"},
      {"cudaMalloc", "allocating memory"},
      {"cudaMallocHost", "page-locking host memory"},
      {"cudaEventCreateWithFlags", "creating an event"},
      {"cudaEventRecord", "marking work"},
      {"cudaMemsetAsync", "clearing memory"},
      {"cudaMemcpyAsync", "copying to the GPU"},
      {"thrust::for_each", "standardizing features"},
      {"cublasDgemmStridedBatched_64", "multiplying features and parameters"},
      {"cudaLaunchKernelEx", "computing residuals"}};
  const Problem problem{SquaredLoss{}, {40, 3, 1}};
  for (const auto& [failing_call, doing] : failures) {
    Machine machine;
    machine.failing_call = failing_call;
    set_machine(machine);
    const std::string reason =
        failing_call.rfind("cublas", 0) == 0 ? "emulated cuBLAS failure" : "emulated failure";
    EXPECT_EQ(thrown_message<DeviceError>([&] { train_emulated(Precision::fp64, problem, 1); }),
              "the GPU failed while " + doing + ": " + reason + "; use another GPU or the CPU")
        << failing_call;
    EXPECT_EQ(counts().bytes_held, 0) << failing_call;
    EXPECT_EQ(cudaGetLastError(), cudaSuccess) << failing_call;
    set_machine({});
    EXPECT_NO_THROW(train_emulated(Precision::fp64, problem, 1)) << failing_call;
  }
}

TEST_F(Emulation, SaysWhyThereIsNoDevice) {
  const auto problem = [](const Machine& machine) {
    set_machine(machine);
    const std::vector<DeviceInfo> devices = kernels::describe_cuda_devices();
    EXPECT_EQ(devices.size(), 1U);
    EXPECT_FALSE(devices[0].usable);
    EXPECT_EQ(
        thrown_message<DeviceError>([] { return kernels::make_cuda_backend(0, Precision::fp32); }),
        "cuda cannot be used: " + devices[0].problem);
    return devices[0].problem;
  };
  Machine machine;
  machine.driver = 0;
  EXPECT_EQ(problem(machine), "no NVIDIA driver is installed on this machine");
  machine.driver = 12040;
  EXPECT_EQ(problem(machine),
            "the NVIDIA driver knows CUDA 12.4 and this build needs 13.0: update the driver");
  machine = {};
  machine.devices = 0;
  EXPECT_EQ(problem(machine),
            "the NVIDIA driver shows no GPU to this process (no CUDA-capable device is detected)");
  machine = {};
  machine.compute_major = 7;
  machine.compute_minor = 0;
  EXPECT_EQ(problem(machine),
            "its compute capability is below 7.5, the oldest this build has code for");
  machine = {};
  machine.prohibited = true;
  EXPECT_EQ(problem(machine),
            "its compute mode is prohibited: ask the administrator for nvidia-smi -c 0");
}

// The emulation itself.

TEST_F(Emulation, RunsWorkWhenTheHostWaits) {
  cudaStream_t stream = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaSuccess);
  kernels::DeviceBuffer<int> buffer(1, "numbers");
  int host = 7;
  ASSERT_EQ(cudaMemcpyAsync(buffer.data(), &host, sizeof host, cudaMemcpyHostToDevice, stream),
            cudaSuccess);
  host = 8;  // too early
  int back = 0;
  ASSERT_EQ(cudaMemcpyAsync(&back, buffer.data(), sizeof back, cudaMemcpyDeviceToHost, stream),
            cudaSuccess);
  EXPECT_EQ(back, 0);
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(back, 8);
  ASSERT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

// Threads that read their neighbour's value; true when all read what it wrote.
bool neighbours_agree(bool with_barrier) {
  constexpr unsigned threads = 64;
  std::vector<unsigned> written(threads, threads);
  std::vector<unsigned> read(threads, threads);
  emulation::run_block(threads, [&] {
    const unsigned thread = emulation::current_thread.x;
    written[thread] = thread;
    if (with_barrier) {
      emulation::wait_at_barrier(1);
    }
    read[thread] = written[(thread + 1) % threads];
  });
  for (unsigned thread = 0; thread < threads; ++thread) {
    if (read[thread] != (thread + 1) % threads) {
      return false;
    }
  }
  return true;
}

// A kernel that writes so many bytes of the shared memory of its launch.
void write_shared(int bytes) {
  std::memset(emulation::dynamic_shared_memory(), 1, static_cast<std::size_t>(bytes));
}

cudaError_t launch_with_shared(const kernels::Stream& stream, std::size_t asked, int written) {
  cudaLaunchConfig_t config{};
  config.blockDim = dim3(2);
  config.dynamicSmemBytes = asked;
  config.stream = stream.get();
  return cudaLaunchKernelEx(&config, write_shared, written);
}

TEST_F(Emulation, GrantsTheSharedMemoryThatWasToldOf) {
  constexpr std::size_t untold = 49'152;
  constexpr int more = 200 * 1024;
  const kernels::Stream stream;
  EXPECT_EQ(launch_with_shared(stream, untold, 1), cudaSuccess);
  EXPECT_EQ(launch_with_shared(stream, more, 1), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFuncSetAttribute(write_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, more),
            cudaSuccess);
  EXPECT_EQ(launch_with_shared(stream, more, more), cudaSuccess);
  EXPECT_NE(
      cudaFuncSetAttribute(write_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, 228 * 1024),
      cudaSuccess);
  static_cast<void>(cudaGetLastError());
  stream.wait();
}

TEST_F(Emulation, SeesAMissingBarrier) {
  EXPECT_TRUE(neighbours_agree(true));
  EXPECT_FALSE(neighbours_agree(false));
}

TEST(EmulationDeathTest, SeesADivergentBarrier) {
  EXPECT_DEATH(emulation::run_block(4,
                                    [] {
                                      if (emulation::current_thread.x > 0) {
                                        emulation::wait_at_barrier(7);
                                      }
                                    }),
               "divergent barrier");
  EXPECT_DEATH(
      emulation::run_block(4, [] { emulation::wait_at_barrier(7 + emulation::current_thread.x); }),
      "divergent barrier");
}

// Sums over warps, each of whose threads gives 1 << lane and gets a neighbour's.
TEST_F(Emulation, ThreadsOfAWarpExchangeValues) {
  std::vector<unsigned> got(64);
  emulation::run_block(64, [&] {
    const unsigned thread = emulation::current_thread.x;
    unsigned value = thread;
    for (int round = 0; round < 5; ++round) {
      value = __shfl_xor_sync(~0U, value, 1 << round);
    }
    got[thread] = value;
  });
  for (unsigned thread = 0; thread < 64; ++thread) {
    EXPECT_EQ(got[thread], thread ^ 31U);
  }
}

TEST(EmulationDeathTest, SeesADivergentExchange) {
  EXPECT_DEATH(emulation::run_block(32,
                                    [] {
                                      if (emulation::current_thread.x > 0) {
                                        static_cast<void>(__shfl_xor_sync(~0U, 1, 1));
                                      }
                                    }),
               "divergent barrier: one thread of a warp");
  EXPECT_DEATH(emulation::run_block(32, [] { static_cast<void>(__shfl_xor_sync(0xFFFFU, 1, 1)); }),
               "a part of a warp");
  EXPECT_DEATH(emulation::run_block(16, [] { static_cast<void>(__shfl_sync(~0U, 1, 20)); }),
               "one that is not there");
}

TEST(EmulationDeathTest, SeesAWritePastAnArray) {
  EXPECT_DEATH(
      {
        auto* memory = static_cast<char*>(emulation::allocate(10));
        memory[10] = 1;
        emulation::release(memory);
      },
      "past an array of 10 bytes");
}

TEST(EmulationDeathTest, SeesAWritePastTheSharedMemoryOfALaunch) {
  EXPECT_DEATH(
      {
        const kernels::Stream stream;
        static_cast<void>(launch_with_shared(stream, 1000, 1001));
        stream.wait();
      },
      "past its shared memory");
}

TEST(EmulationDeathTest, SeesACopyBetweenTheWrongMemories) {
  kernels::DeviceBuffer<double> buffer(4, "numbers");
  double host[8] = {};
  EXPECT_DEATH(kernels::upload(host, 5, buffer.data(), nullptr), "does not lie in one array");
  EXPECT_DEATH(kernels::upload(buffer.data(), 4, host, nullptr), "does not lie in one array");
}

}  // namespace
}  // namespace steepest::tests
