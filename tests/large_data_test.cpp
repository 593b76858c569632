// SPDX-License-Identifier: Apache-2.0
// More than 2^31 values of features, 9 GB, on a GPU. What the emulation can show of it without one:
// tests/cuda_emulation/large_rows_test.cpp.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "kernels/backend.hpp"

namespace steepest::tests {
namespace {

class CudaLargeData : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    constexpr std::int64_t needed_bytes = std::int64_t{12} << 30;
    const DeviceInfo device = kernels::describe_cuda_devices().front();
    if (!device.usable) {
      GTEST_SKIP() << "no CUDA device: " << device.problem;
    }
    if (device.memory_bytes < needed_bytes) {
      GTEST_SKIP() << "the CUDA device has less than 12 GB";
    }
  }
};

// All rows are 0 but the last: x = (3, 0, ...), y = 10, and the parameter of the first feature
// is 2.
TEST_P(CudaLargeData, TheLastRowCounts) {
  constexpr std::int64_t rows = 2'200'000;
  constexpr std::int64_t features = 1023;
  static_assert(rows * features > (std::int64_t{1} << 31));
  kernels::TrainingData data;
  data.features = FeatureMatrix(rows, features);
  data.features.row(rows - 1)[0] = 3.0F;
  data.mean.assign(features, 0.0);
  data.scale.assign(features, 1.0);
  data.targets.assign(rows, 0.0);
  data.targets.back() = 10.0;
  const auto backend = kernels::make_cuda_backend(0, Precision::fp32, GetParam());
  backend->hold(std::move(data));
  kernels::BankPlan plan;
  plan.loss = SquaredLoss{};
  plan.models.resize(1);
  plan.initial.assign(features + 1, 0.0);
  plan.initial.front() = 2.0;
  const std::vector<double> initial = plan.initial;
  backend->start(std::move(plan));
  backend->evaluate();
  EXPECT_DOUBLE_EQ(backend->state(0).at.mean_loss, 4.0 * 4.0 / 2.0 / rows);
  const kernels::LossAndGradient found = backend->evaluate_at(initial);
  EXPECT_DOUBLE_EQ(found.gradient.front(), -4.0 * 3.0 / rows);
  EXPECT_DOUBLE_EQ(found.gradient.back(), -4.0 / rows);
  std::vector<double> scores(2);
  backend->scores(0, rows - 2, 2, scores.data());
  EXPECT_EQ(scores, (std::vector<double>{0.0, 6.0}));
}

INSTANTIATE_TEST_SUITE_P(Engines, CudaLargeData,
                         testing::Values(Engine::products, Engine::fused, Engine::stream),
                         [](const auto& of) { return std::string(name(of.param)); });

}  // namespace
}  // namespace steepest::tests
