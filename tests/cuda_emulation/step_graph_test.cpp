// SPDX-License-Identifier: Apache-2.0
// Engine graph: the bits of products, by launches of many steps.
#include "kernels/step_graph.cuh"

#include <gtest/gtest.h>

#include "kernels/stream.cuh"
#include "steepest/error.hpp"
#include "tests/cuda_emulation/emulated_training.hpp"
#include "tests/cuda_emulation/emulation.hpp"
#include "tests/cuda_emulation/emulation_fixture.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

using emulation::counts;
using emulation::Machine;
using emulation::set_machine;

class EmulatedGraph : public Emulation {};

// Full batches; batches of which 7 are an epoch, with and without a rest; two chunks a batch.
std::vector<Problem> problems() {
  return {{SoftmaxLoss{}, {300, 6, 3, true}, 3},
          {SquaredLoss{}, {300, 6, 2}, 2, 0, true},
          {LogisticLoss{}, {350, 5, 2}, 2, 50},
          {SoftmaxLoss{}, {310, 5, 3, true}, 2, 50},
          {SquaredLoss{}, {2300, 4, 1}, 1, 1100}};
}

TEST_F(EmulatedGraph, HasTheBitsOfProducts) {
  for (const Problem& problem : problems()) {
    for (const Precision precision : {Precision::fp64, Precision::fp32}) {
      for (const std::int64_t steps : {1, 7, 70, 150}) {
        EXPECT_EQ(train_emulated(precision, problem, steps, Engine::graph),
                  train_emulated(precision, problem, steps, Engine::products))
            << problem.batch_size << " " << steps;
      }
    }
  }
}

// Full batches of more than 25 MB are cut there, so that sums are cut there, too.
TEST_F(EmulatedGraph, ReadsInPiecesThatACacheHolds) {
  const Problem problem{SquaredLoss{}, {33'000, 255, 1}};
  const std::vector<double> products =
      train_emulated(Precision::fp32, problem, 2, Engine::products);
  const std::int64_t before = counts().products;
  const std::vector<double> found = train_emulated(Precision::fp32, problem, 2, Engine::graph);
  EXPECT_EQ(counts().products - before, 3 * 2 * 2 + 1);  // two steps, evaluation, scores
  ASSERT_EQ(found.size(), products.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i], products[i], 1e-6) << i;
  }
}

TEST_F(EmulatedGraph, AnEpochOfWholeBatchesIsOneLaunchAndItsRestSteps) {
  const Problem problem{SquaredLoss{}, {310, 5, 1}, 1, 50};
  const auto backend = kernels::make_cuda_backend(0, Precision::fp32, Engine::graph);
  start(*backend, problem);
  History history(1);
  const std::int64_t allocations = counts().allocations;
  backend->run(7, history);  // captures
  const emulation::Counts before = counts();
  backend->run(7, history);
  EXPECT_EQ(counts().allocations, allocations);
  EXPECT_EQ(counts().graph_launches, before.graph_launches + 1);
  const std::int64_t launches = counts().launches - before.launches;
  const std::int64_t products = counts().products - before.products;
  EXPECT_EQ(products, 2);  // of the seventh step, the other six are in the graph
  EXPECT_LE(launches, 10);
  ASSERT_EQ(history.front().size(), 14U);
  for (std::size_t s = 0; s < history.front().size(); ++s) {
    EXPECT_EQ(history.front()[s].step, static_cast<std::int64_t>(s));
  }
}

// Parts of an epoch that no launch fits, as after a checkpoint.
TEST_F(EmulatedGraph, StepsThatDoNotFitAreTakenOneByOne) {
  const Problem problem{SoftmaxLoss{}, {350, 5, 3}, 2, 50};
  const auto expected = kernels::make_cuda_backend(0, Precision::fp64, Engine::products);
  const auto found = kernels::make_cuda_backend(0, Precision::fp64, Engine::graph);
  for (Backend* const backend : {expected.get(), found.get()}) {
    start(*backend, problem);
    History history(2);
    for (const std::int64_t steps : {3, 7, 4, 7, 1, 6}) {
      backend->run(steps, history);
    }
    EXPECT_EQ(history.front().size(), 28U);
  }
  EXPECT_EQ(found->parameters(1), expected->parameters(1));
}

TEST_F(EmulatedGraph, AFailingCallIsADeviceErrorThatLeavesNothing) {
  for (const char* const failing :
       {"cudaStreamBeginCapture", "cudaStreamEndCapture", "cudaGraphInstantiate", "cudaGraphLaunch",
        "cublasDgemmStridedBatched_64", "cudaLaunchKernelEx"}) {
    SCOPED_TRACE(failing);
    Machine machine;
    machine.failing_call = failing;
    set_machine(machine);
    const std::string message = thrown_message<DeviceError>(
        [&] { train_emulated(Precision::fp64, problems().front(), 64, Engine::graph); });
    EXPECT_EQ(message.rfind("the GPU failed while ", 0), 0U) << message;
    EXPECT_EQ(counts().bytes_held, 0);
    set_machine({});
    EXPECT_NO_THROW(train_emulated(Precision::fp64, problems().front(), 64, Engine::graph));
  }
}

using EmulatedGraphDeathTest = EmulatedGraph;

TEST_F(EmulatedGraphDeathTest, AWaitWhileStepsAreCapturedEndsTheProcess) {
  const kernels::Stream stream;
  EXPECT_DEATH(kernels::StepGraph(stream.get(), [&] { stream.wait(); }), "captures");
}

}  // namespace
}  // namespace steepest::tests
