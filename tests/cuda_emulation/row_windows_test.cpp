// SPDX-License-Identifier: Apache-2.0
// The stream engine with rows that do not fit the device: what it computes is what the products
// engine computes with all rows on a device that is large enough.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernels/backend.hpp"
#include "kernels/matrix_products.cuh"
#include "steepest/error.hpp"
#include "tests/cuda_emulation/emulation.hpp"
#include "tests/problems.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

using emulation::counts;
using emulation::Machine;
using emulation::set_machine;
using kernels::Backend;
using kernels::BankPlan;
using kernels::TrainingData;

class EmulatedStream : public testing::TestWithParam<Precision> {
 protected:
  void SetUp() override { set_machine({}); }
  void TearDown() override {
    set_machine({});
    EXPECT_EQ(counts().bytes_held, 0);
  }
};

struct Problem {
  RowLoss loss;
  ProblemShape shape;
  std::int64_t batch = 0;
  std::int64_t steps = 0;
  std::int64_t models = 1;
};

TrainingData data_of(const Problem& problem) {
  return random_data(problem.shape, classifies(problem.loss), 5);
}

BankPlan plan_of(const Problem& problem) {
  BankPlan plan;
  plan.loss = problem.loss;
  plan.outputs = columns_of(problem.loss, problem.shape.outputs);
  plan.models.resize(static_cast<std::size_t>(problem.models));
  for (std::size_t k = 0; k < plan.models.size(); ++k) {
    plan.models[k].schedule.learning_rate = 0.02 + 0.01 * static_cast<double>(k);
    plan.models[k].schedule.horizon = 100;
  }
  plan.batch_size = problem.batch;
  plan.seed = 3;
  return plan;
}

// A device with room for the rest of the problem and for two windows of so many rows; a quarter of
// `spare` bytes goes to each window, too.
void leave_room_for(const Problem& problem, std::int64_t window_rows, Precision precision,
                    std::int64_t spare = 0) {
  constexpr std::int64_t workspace = std::int64_t{32} << 20;  // of cuBLAS
  constexpr std::int64_t padding = 128;                       // rows behind a window
  const std::int64_t value = precision == Precision::fp64 ? 8 : 4;
  const std::int64_t pitch = precision == Precision::fp64
                                 ? kernels::row_pitch<double>(problem.shape.features + 1)
                                 : kernels::row_pitch<float>(problem.shape.features + 1);
  const bool labelled = classifies(problem.loss);
  const std::int64_t beside = problem.shape.rows * ((labelled ? 4 : problem.shape.outputs * value) +
                                                    (problem.shape.weighted ? value : 0));
  Machine machine;
  machine.memory_bytes = workspace + beside + spare + 4 * (window_rows + padding) * pitch * value;
  set_machine(machine);
}

// What a backend says of a problem: parameters, histories, evaluations, scores, moments, rows.
std::vector<double> account(Backend& backend, const Problem& problem) {
  backend.start(plan_of(problem));
  std::vector<std::vector<kernels::StepRecord>> history(static_cast<std::size_t>(problem.models));
  std::vector<double> all;
  const auto add = [&all](const std::vector<double>& values) {
    all.insert(all.end(), values.begin(), values.end());
  };
  for (const std::int64_t steps : {problem.steps / 2, problem.steps - problem.steps / 2}) {
    backend.run(steps, history);
    backend.evaluate();
    for (std::int64_t model = 0; model < problem.models; ++model) {
      add(backend.parameters(model));
      add({backend.state(model).at.mean_loss, backend.state(model).at.gradient_max_norm});
    }
  }
  for (const auto& records : history) {
    for (const kernels::StepRecord& record : records) {
      add({record.at.mean_loss});
    }
  }
  const std::int64_t n = problem.shape.rows;
  const std::int64_t outputs = columns_of(problem.loss, problem.shape.outputs);
  std::vector<double> scores(static_cast<std::size_t>(n * outputs));
  backend.scores(problem.models - 1, 0, n, scores.data());
  add(scores);
  const kernels::LossAndGradient at = backend.evaluate_at(backend.parameters(0));
  add({at.mean_loss});
  add(at.gradient);
  std::vector<double> product(static_cast<std::size_t>(problem.shape.features + 1));
  backend.second_moment_product(
      true, std::vector<double>(static_cast<std::size_t>(problem.shape.features + 1), 0.5).data(),
      product.data());
  add(product);
  add(backend.second_moment(n / 3));
  add(backend.second_moment(n));
  std::vector<float> rows(static_cast<std::size_t>(3 * problem.shape.features));
  backend.trained_rows(n - 3, 3, rows.data());
  all.insert(all.end(), rows.begin(), rows.end());
  const std::vector<std::int64_t> chosen = {1, n / 2, n - 1};
  std::vector<double> features(static_cast<std::size_t>(3 * problem.shape.features));
  backend.features(chosen.data(), 3, features.data());
  add(features);
  return all;
}

std::vector<double> account_by(Engine engine, Precision precision, const Problem& problem) {
  const auto backend = kernels::make_cuda_backend(0, precision, engine);
  backend->hold(data_of(problem));
  return account(*backend, problem);
}

double worst_gap(const std::vector<double>& found, const std::vector<double>& expected) {
  EXPECT_EQ(found.size(), expected.size());
  double worst = 0.0;
  for (std::size_t e = 0; e < std::min(found.size(), expected.size()); ++e) {
    const double gap = std::fabs(found[e] - expected[e]) / (1.0 + std::fabs(expected[e]));
    worst = gap <= worst ? worst : gap;  // keeps a NaN
  }
  return worst;
}

std::vector<double> train(Backend& backend, const Problem& problem) {
  backend.start(plan_of(problem));
  std::vector<std::vector<kernels::StepRecord>> history(static_cast<std::size_t>(problem.models));
  backend.run(problem.steps, history);
  std::vector<double> all;
  for (std::int64_t model = 0; model < problem.models; ++model) {
    const std::vector<double> parameters = backend.parameters(model);
    all.insert(all.end(), parameters.begin(), parameters.end());
    EXPECT_EQ(history[static_cast<std::size_t>(model)].size(),
              static_cast<std::size_t>(problem.steps));
  }
  return all;
}

std::vector<double> train_by(Engine engine, Precision precision, const Problem& problem) {
  const auto backend = kernels::make_cuda_backend(0, precision, engine);
  EXPECT_EQ(backend->engine(), engine);
  backend->hold(data_of(problem));
  return train(*backend, problem);
}

// Batches that fit a window are the batches of rows on the device.
TEST_P(EmulatedStream, BatchesAreThoseOfTheProductsEngineToTheBit) {
  const std::vector<Problem> problems = {{SquaredLoss{}, {5003, 40, 2, true}, 700, 10},
                                         {SoftmaxLoss{}, {4099, 30, 3}, 64, 70, 2},
                                         {LogisticLoss{}, {3001, 25, 1, true}, 1500, 5}};
  for (const Problem& problem : problems) {
    set_machine({});
    const std::vector<double> expected = train_by(Engine::products, GetParam(), problem);
    for (const std::int64_t window_rows : {1600, 10000}) {
      leave_room_for(problem, window_rows, GetParam(), 200'000);
      EXPECT_EQ(train_by(Engine::stream, GetParam(), problem), expected) << window_rows;
    }
  }
}

// Windows of 132,000 rows hold a chunk of 131,072, and the rows are three of those.
TEST(EmulatedStreamInFp32, ChunksThatFitAWindowAreThoseOfTheProductsEngineToTheBit) {
  const Problem problem{SquaredLoss{}, {263'000, 1, 1}, 0, 2};
  set_machine({});
  const std::vector<double> expected = train_by(Engine::products, Precision::fp32, problem);
  leave_room_for(problem, 132'000, Precision::fp32);
  EXPECT_EQ(train_by(Engine::stream, Precision::fp32, problem), expected);
}

// Windows smaller than a chunk, or than a batch, cut sums elsewhere.
TEST(EmulatedStreamInFp64, AgreesWithTheProductsEngine) {
  const std::vector<Problem> problems = {{SquaredLoss{}, {3003, 40, 2, true}, 0, 4},
                                         {SoftmaxLoss{}, {3001, 20, 3}, 2000, 5, 2},
                                         {HuberLoss{0.7}, {2000, 20, 1}, 300, 9}};
  for (const Problem& problem : problems) {
    set_machine({});
    const std::vector<double> expected = account_by(Engine::products, Precision::fp64, problem);
    for (const std::int64_t window_rows : {300, 1100, 6000}) {
      leave_room_for(problem, window_rows, Precision::fp64, 300'000);
      EXPECT_LE(worst_gap(account_by(Engine::stream, Precision::fp64, problem), expected), 1e-12)
          << window_rows;
    }
  }
}

// Rows of a data set as a source, counted as they are read.
class CountedRows final : public RowSource {
 public:
  explicit CountedRows(Dataset data) : rows_(std::move(data)) {}
  [[nodiscard]] const Schema& schema() const override { return rows_.schema(); }
  [[nodiscard]] std::int64_t rows() const override { return rows_.rows(); }
  [[nodiscard]] std::int64_t feature_count() const override { return rows_.feature_count(); }
  [[nodiscard]] bool has_weights() const override { return rows_.has_weights(); }
  const float* features(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override {
    read_ += count;
    return rows_.features(first, count, buffer);
  }
  const double* targets(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override {
    return rows_.targets(first, count, buffer);
  }
  const std::int32_t* labels(std::int64_t first, std::int64_t count,
                             RowBuffer& buffer) const override {
    return rows_.labels(first, count, buffer);
  }
  const double* weights(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override {
    return rows_.weights(first, count, buffer);
  }
  [[nodiscard]] std::int64_t read() const { return read_; }

 private:
  DatasetRows rows_;
  mutable std::int64_t read_ = 0;
};

std::shared_ptr<CountedRows> source_of(const Problem& problem) {
  TrainingData random = data_of(problem);
  Dataset data;
  data.features = std::move(random.features);
  data.targets = std::move(random.targets);
  data.weights = std::move(random.weights);
  return std::make_shared<CountedRows>(std::move(data));
}

kernels::StreamedData streamed(const Problem& problem, const std::shared_ptr<CountedRows>& source) {
  const TrainingData scaled = data_of(problem);
  kernels::StreamedData data;
  data.rows = source;
  data.mean = scaled.mean;
  data.scale = scaled.scale;
  data.target_mean.assign(static_cast<std::size_t>(problem.shape.outputs), 0.0);
  data.weight_mean = problem.shape.weighted ? 1.0 : 0.0;
  return data;
}

// Windows of 1,600 rows hold two batches of 700; 5,003 rows are four windows.
TEST_P(EmulatedStream, AnEpochReadsTheSourceOnceAWindow) {
  const Problem problem{SquaredLoss{}, {5003, 9, 2, true}, 700, 8};
  const std::vector<double> expected = train_by(Engine::products, GetParam(), problem);
  leave_room_for(problem, 1600, GetParam());
  const auto source = source_of(problem);
  const auto backend = kernels::make_cuda_backend(0, GetParam(), Engine::stream);
  backend->hold(streamed(problem, source));
  EXPECT_EQ(source->read(), 0);
  EXPECT_EQ(train(*backend, problem), expected);
  EXPECT_EQ(source->read(), 4 * 5003);
}

// Of a pass in file order, one row once, and none where two windows hold them all.
TEST_P(EmulatedStream, APassReadsTheSourceOnceAndWhatWindowsHoldNotAgain) {
  const Problem problem{SquaredLoss{}, {5003, 9, 2, true}, 0, 6};
  for (const auto& [window_rows, passes] : {std::pair{1600, 6}, std::pair{2600, 1}}) {
    leave_room_for(problem, window_rows, GetParam());
    const auto source = source_of(problem);
    const auto backend = kernels::make_cuda_backend(0, GetParam(), Engine::stream);
    backend->hold(streamed(problem, source));
    static_cast<void>(train(*backend, problem));
    EXPECT_EQ(source->read(), passes * 5003) << window_rows;
  }
}

TEST_P(EmulatedStream, RunAllocatesNothing) {
  const Problem problem{SquaredLoss{}, {5003, 9, 2, true}, 700, 8};
  leave_room_for(problem, 1600, GetParam());
  const auto backend = kernels::make_cuda_backend(0, GetParam(), Engine::stream);
  backend->hold(data_of(problem));
  backend->start(plan_of(problem));
  const std::int64_t allocations = counts().allocations;
  std::vector<std::vector<kernels::StepRecord>> history(1);
  backend->run(8, history);
  backend->evaluate();
  EXPECT_EQ(counts().allocations, allocations);
}

// What a source throws in the middle of a pass reaches the caller, and nothing stays behind.
class BreakingRows final : public RowSource {
 public:
  explicit BreakingRows(std::shared_ptr<const RowSource> rows) : rows_(std::move(rows)) {}
  [[nodiscard]] const Schema& schema() const override { return rows_->schema(); }
  [[nodiscard]] std::int64_t rows() const override { return rows_->rows(); }
  [[nodiscard]] std::int64_t feature_count() const override { return rows_->feature_count(); }
  [[nodiscard]] bool has_weights() const override { return rows_->has_weights(); }
  const float* features(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override {
    if (first + count > 4000) {
      throw InputError("the disk is gone");
    }
    return rows_->features(first, count, buffer);
  }
  const double* targets(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override {
    return rows_->targets(first, count, buffer);
  }
  const std::int32_t* labels(std::int64_t /*first*/, std::int64_t /*count*/,
                             RowBuffer& /*buffer*/) const override {
    return nullptr;
  }
  const double* weights(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override {
    return rows_->weights(first, count, buffer);
  }

 private:
  std::shared_ptr<const RowSource> rows_;
};

TEST_P(EmulatedStream, ASourceThatBreaksEndsTheRun) {
  const Problem problem{SquaredLoss{}, {5003, 9, 2, true}, 0, 6};
  leave_room_for(problem, 1600, GetParam());
  const auto backend = kernels::make_cuda_backend(0, GetParam(), Engine::stream);
  kernels::StreamedData data = streamed(problem, source_of(problem));
  data.rows = std::make_shared<BreakingRows>(data.rows);
  backend->hold(std::move(data));
  EXPECT_EQ(thrown_message<InputError>([&] { static_cast<void>(train(*backend, problem)); }),
            "the disk is gone");
}

TEST_P(EmulatedStream, AFailingCallIsADeviceError) {
  const Problem problem{SquaredLoss{}, {503, 9, 2}, 100, 6};
  for (const auto& [failing_call, doing] :
       {std::pair{"cudaStreamWaitEvent", "ordering work"},
        std::pair{"cudaEventSynchronize", "running the work queued"},
        std::pair{"cudaMemGetInfo", "asking for its free memory"},
        std::pair{"cudaMallocHost", "page-locking host memory"}}) {
    Machine machine;
    machine.failing_call = failing_call;
    set_machine(machine);
    EXPECT_EQ(thrown_message<DeviceError>(
                  [&] { static_cast<void>(train_by(Engine::stream, GetParam(), problem)); }),
              std::string("the GPU failed while ") + doing +
                  ": emulated failure; use another GPU or the CPU");
    EXPECT_EQ(counts().bytes_held, 0) << failing_call;
  }
}

// Windows of bfloat16 take a quarter of the memory that others take.
TEST_P(EmulatedStream, PackedBatchesAreThoseOfTheProductsEngineToTheBit) {
  const Problem problem{SquaredLoss{}, {5003, 40, 2, true}, 700, 10};
  const auto train_packed = [&](Engine engine) {
    TrainingData data = data_of(problem);
    data.storage = Storage::bfloat16;
    const auto backend = kernels::make_cuda_backend(0, GetParam(), engine);
    backend->hold(std::move(data));
    EXPECT_EQ(backend->storage(), Storage::bfloat16);
    return train(*backend, problem);
  };
  const std::vector<double> expected = train_packed(Engine::products);
  leave_room_for(problem, 2000, GetParam());
  EXPECT_EQ(train_packed(Engine::stream), expected);
}

INSTANTIATE_TEST_SUITE_P(Precisions, EmulatedStream,
                         testing::Values(Precision::fp64, Precision::fp32),
                         [](const auto& of) { return std::string(name(of.param)); });

}  // namespace
}  // namespace steepest::tests
