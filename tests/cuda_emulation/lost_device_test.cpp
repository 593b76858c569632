// SPDX-License-Identifier: Apache-2.0
// A GPU that is lost in the middle of a run: a DeviceError, which the command ends with exit code 4
// for, and a checkpoint from which the run goes on to the same bits once the GPU is back.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "steepest/error.hpp"
#include "steepest/fit.hpp"
#include "tests/cuda_emulation/emulation.hpp"
#include "tests/problems.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

using emulation::counts;
using emulation::Machine;
using emulation::set_machine;

class EmulatedLoss : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override { set_machine({}); }
  void TearDown() override {
    set_machine({});
    EXPECT_EQ(counts().bytes_held, 0);
  }
};

Dataset small_data() {
  kernels::TrainingData random = random_data({400, 5, 3}, true, 8);
  Dataset data;
  data.features = std::move(random.features);
  data.labels = std::move(random.labels);
  for (const char* const name : {"a", "b", "c", "d", "e"}) {
    data.schema.columns.push_back({name, ColumnKind::numeric, {}, {}});
  }
  data.schema.target_names = {"y"};
  data.schema.classes = {"0", "1", "2"};
  return data;
}

FitOptions options_for(Engine engine) {
  FitOptions options;
  options.device.kind = DeviceChoice::Kind::cuda;
  options.precision = Precision::fp32;
  options.engine = engine;
  options.rule = parse_rule("momentum:0.9");
  options.schedule = parse_schedule("cosine");
  options.learning_rate = 0.05;
  options.batch_size = 64;
  options.epochs = 6;
  options.tolerance_gradient = 1e-14;
  options.threads = 1;
  return options;
}

TEST_P(EmulatedLoss, LeavesACheckpointToGoOnFrom) {
  const FitResult whole = fit(small_data(), options_for(GetParam()));
  for (const char* const lost :
       {"cudaLaunchKernelEx", "cudaMemcpyAsync", "cudaStreamSynchronize"}) {
    SCOPED_TRACE(lost);
    const TemporaryFolder folder;
    FitOptions options = options_for(GetParam());
    options.checkpoint.folder = folder.path("state");
    options.checkpoint.every_steps = 7;
    const auto lose = [&](const FitProgress& now) {
      Machine machine;
      machine.failing_call = now.step >= 20 ? lost : "";
      set_machine(machine);
      return true;
    };
    const std::string message =
        thrown_message<DeviceError>([&] { static_cast<void>(fit(small_data(), options, lose)); });
    EXPECT_EQ(message.rfind("the GPU failed while ", 0), 0U) << message;
    set_machine({});
    EXPECT_EQ(counts().bytes_held, 0);
    options.checkpoint.resume = true;
    const FitResult resumed = fit(small_data(), options);
    EXPECT_NE(resumed.resumed_from, "");
    EXPECT_EQ(resumed.model.coefficients, whole.model.coefficients);
    EXPECT_EQ(resumed.model.intercept, whole.model.intercept);
    EXPECT_EQ(resumed.steps, whole.steps);
  }
}

INSTANTIATE_TEST_SUITE_P(Engines, EmulatedLoss,
                         testing::Values(Engine::products, Engine::fused, Engine::block,
                                         Engine::grid, Engine::graph, Engine::stream),
                         [](const auto& of) { return std::string(name(of.param)); });

}  // namespace
}  // namespace steepest::tests
