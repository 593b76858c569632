// SPDX-License-Identifier: Apache-2.0
// Rows that a GPU holds, or is sent, as bytes or bfloat16: bytes give the bits of float32, bfloat16
// those of rows that were rounded before.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "kernels/backend.hpp"
#include "kernels/packed_rows.hpp"
#include "kernels/rounding.hpp"
#include "steepest/error.hpp"
#include "tests/problems.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

using kernels::TrainingData;

struct Case {
  Precision precision;
  Engine engine;
};

class CudaPacked : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const DeviceInfo device = kernels::describe_cuda_devices().front();
    if (!device.usable) {
      GTEST_SKIP() << "no CUDA device: " << device.problem;
    }
  }
};

struct Problem {
  RowLoss loss;
  ProblemShape shape;
  std::int64_t batch = 0;
};

// Of no multiple of 16 features, and in two partitions or more. The fused engine has a kernel for
// few columns, one for many, and one whose clusters share the features where it rounds products.
std::vector<Problem> problems(Precision precision) {
  std::vector<Problem> all = {{SquaredLoss{}, {1500, 19, 2, true}, 0},
                              {SoftmaxLoss{}, {1300, 33, 3}, 70},
                              {SoftmaxLoss{}, {300, 45, 6}, 70}};
  if (kernels::rounding_of(precision) != kernels::Rounding::none) {
    all.push_back({SoftmaxLoss{}, {40, 2101, 9}, 0});
  }
  return all;
}

// Whole numbers from 0 to 255 with means and scales of their own.
TrainingData bytes_for(const Problem& problem) {
  TrainingData data = random_data(problem.shape, classifies(problem.loss), 4);
  std::mt19937 random(7);
  for (std::int64_t e = 0; e < data.features.rows() * data.features.columns(); ++e) {
    data.features.data()[e] = static_cast<float>(random() % 256);
  }
  for (std::size_t j = 0; j < data.mean.size(); ++j) {
    data.mean[j] = kernels::byte_mean(120.3 + static_cast<double>(j));
    data.scale[j] = kernels::byte_scale(70.7 + static_cast<double>(j));
  }
  data.bytes = true;
  return data;
}

// What a backend says after a few steps: parameters, an evaluation, scores, moments, rows.
std::vector<double> account(const Case& chosen, const Problem& problem, TrainingData data,
                            Storage expected) {
  const auto backend = kernels::make_cuda_backend(0, chosen.precision, chosen.engine);
  backend->hold(std::move(data));
  EXPECT_EQ(backend->storage(), expected);
  kernels::BankPlan plan;
  plan.loss = problem.loss;
  plan.outputs = columns_of(problem.loss, problem.shape.outputs);
  plan.models.resize(1);
  plan.models[0].schedule.learning_rate = 0.1;
  plan.batch_size = problem.batch;
  backend->start(std::move(plan));
  std::vector<std::vector<kernels::StepRecord>> history(1);
  backend->run(5, history);
  backend->evaluate();
  std::vector<double> all = backend->parameters(0);
  all.push_back(backend->state(0).at.mean_loss);
  const auto add = [&all](const auto& values) {
    all.insert(all.end(), values.begin(), values.end());
  };
  const std::int64_t n = problem.shape.rows;
  const std::int64_t d = problem.shape.features;
  std::vector<double> scores(
      static_cast<std::size_t>(7 * columns_of(problem.loss, problem.shape.outputs)));
  backend->scores(0, n - 7, 7, scores.data());
  add(scores);
  add(backend->second_moment(n / 2));
  std::vector<float> rows(static_cast<std::size_t>(5 * d));
  backend->trained_rows(n - 5, 5, rows.data());
  add(rows);
  const std::vector<std::int64_t> indexes = {3, n - 1};
  std::vector<double> features(static_cast<std::size_t>(2 * d));
  backend->features(indexes.data(), 2, features.data());
  add(features);
  return all;
}

TEST_P(CudaPacked, BytesGiveTheBitsOfFloats) {
  for (const Problem& problem : problems(GetParam().precision)) {
    const std::vector<double> expected =
        account(GetParam(), problem, bytes_for(problem), Storage::float32);
    TrainingData packed = bytes_for(problem);
    packed.storage = Storage::uint8;
    EXPECT_EQ(account(GetParam(), problem, std::move(packed), Storage::uint8), expected);
  }
}

TEST_P(CudaPacked, Bfloat16GivesTheBitsOfRoundedFloats) {
  for (const Problem& problem : problems(GetParam().precision)) {
    TrainingData packed = random_data(problem.shape, classifies(problem.loss), 4);
    TrainingData rounded = random_data(problem.shape, classifies(problem.loss), 4);
    packed.storage = Storage::bfloat16;
    for (std::size_t j = 0; j < packed.mean.size(); ++j) {
      packed.mean[j] = 0.3;
      packed.scale[j] = 1.0 + 0.01 * static_cast<double>(j);
    }
    const kernels::ColumnScales scales(packed.mean, packed.scale, false);
    float* const values = rounded.features.data();
    kernels::standardize_rows(packed.features.data(), problem.shape.rows, scales, values);
    for (std::int64_t e = 0; e < problem.shape.rows * problem.shape.features; ++e) {
      values[e] = kernels::from_bfloat16(kernels::to_bfloat16(values[e]));
    }
    const std::vector<double> expected =
        account(GetParam(), problem, std::move(rounded), Storage::float32);
    EXPECT_EQ(account(GetParam(), problem, std::move(packed), Storage::bfloat16), expected);
  }
}

// Asked for where a value is not a byte, rows stay what they are.
TEST_P(CudaPacked, OtherValuesAreNotBytes) {
  TrainingData data = random_data({20, 3, 1}, false, 1);
  data.storage = Storage::uint8;
  const auto backend = kernels::make_cuda_backend(0, GetParam().precision, GetParam().engine);
  backend->hold(std::move(data));
  EXPECT_EQ(backend->storage(), Storage::float32);
}

TEST_P(CudaPacked, BlocksRefuse) {
  for (const Engine engine : {Engine::block, Engine::grid}) {
    TrainingData data = random_data({20, 3, 1}, false, 1);
    data.storage = Storage::bfloat16;
    const auto backend = kernels::make_cuda_backend(0, GetParam().precision, engine);
    EXPECT_EQ(thrown_message<OptionError>([&] { backend->hold(std::move(data)); }),
              "--storage bfloat16 is for --engine products, fused, stream, graph, moments or line: "
              "rows of engine " +
                  std::string(name(engine)) + " are float32");
  }
}

INSTANTIATE_TEST_SUITE_P(
    Cases, CudaPacked,
    testing::Values(Case{Precision::fp64, Engine::products},
                    Case{Precision::fp32, Engine::products}, Case{Precision::fp32, Engine::stream},
                    Case{Precision::fp64, Engine::fused}, Case{Precision::fp32, Engine::fused}),
    [](const auto& of) {
      return std::string(name(of.param.precision)) + "_" + std::string(name(of.param.engine));
    });

}  // namespace
}  // namespace steepest::tests
