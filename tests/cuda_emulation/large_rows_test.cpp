// SPDX-License-Identifier: Apache-2.0
// More than 2^31 values of features: the kernels' own index arithmetic, on rows of which only those
// that a pass reads are touched, at both ends of 9 GB.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "kernels/block_steps.cuh"
#include "kernels/device_bank.cuh"
#include "kernels/device_buffer.cuh"
#include "kernels/device_data.cuh"
#include "kernels/fused_pass.cuh"
#include "kernels/loss_gradient.cuh"
#include "kernels/row_upload.cuh"
#include "tests/cuda_emulation/emulation.hpp"

namespace steepest::tests {
namespace {

using emulation::Machine;
using emulation::set_machine;
using kernels::BankPlan;
using kernels::BankShape;
using kernels::DeviceBank;
using kernels::DeviceBuffer;
using kernels::RowSelection;

constexpr std::int64_t features = 1023;
constexpr std::int64_t pitch = features + 1;
constexpr std::int64_t rows = 2'200'000;
constexpr std::int64_t batch = 48;
constexpr std::uint64_t seed = 9;
constexpr double weight = 2.0;     // of the first feature, all others being 0
constexpr double intercept = 1.0;  // whole numbers all, so that sums are exact
static_assert(rows * pitch > (std::int64_t{1} << 31));

class EmulatedLargeRows : public testing::Test {
 protected:
  void SetUp() override {
    Machine machine;
    machine.memory_bytes = std::int64_t{1} << 40;
    set_machine(machine);
  }
  void TearDown() override { set_machine({}); }
};

// Rows that are 0 until they are set, in memory that tests can write to.
struct SparseRows {
  DeviceBuffer<float> matrix{(rows + kernels::most_partitions) * pitch, "features"};
  DeviceBuffer<float> targets{rows, "targets"};

  [[nodiscard]] kernels::DeviceRows<float> view() const {
    return {rows, pitch, matrix.data(), targets.data(), nullptr, nullptr};
  }

  [[nodiscard]] kernels::PassRows<float> pass_rows() const {
    kernels::PassRows<float> all;
    all.held = view();
    return all;
  }
};

struct Sums {
  double first = 0.0;      // gradient of the first feature's parameter
  double intercept = 0.0;  // of the intercept
};

// Sets the rows of a selection to [r mod 7, 0 ..., 1], their targets to r mod 5; the gradient of
// squared loss there, summed.
Sums set(SparseRows& data, const RowSelection& selection) {
  std::vector<std::int64_t> indexes(static_cast<std::size_t>(selection.count));
  selection.indexes_of(0, selection.count, indexes.data());
  Sums sums;
  for (std::int64_t r = 0; r < selection.count; ++r) {
    const std::int64_t row = indexes[static_cast<std::size_t>(r)];
    const auto x = static_cast<double>(r % 7);
    const auto y = static_cast<double>(r % 5);
    data.matrix.data()[row * pitch] = static_cast<float>(x);
    data.matrix.data()[row * pitch + features] = 1.0F;
    data.targets.data()[row] = static_cast<float>(y);
    const double residual = weight * x + intercept - y;
    sums.first += residual * x;
    sums.intercept += residual;
  }
  return sums;
}

// The step of the first epoch whose batch has the last row of all.
std::int64_t step_of_the_last_row() {
  return RowOrder(rows, seed, 0).position_of(rows - 1) / batch;
}

BankPlan plan() {
  BankPlan plan;
  plan.loss = SquaredLoss{};
  plan.models.resize(1);
  plan.models[0].schedule.learning_rate = 0.5;
  plan.batch_size = batch;
  plan.seed = seed;
  plan.initial.assign(static_cast<std::size_t>(pitch), 0.0);
  plan.initial.front() = weight;
  plan.initial.back() = intercept;
  return plan;
}

// In a shuffled order, and at the end of the file.
std::vector<RowSelection> selections() {
  RowSelection last = RowSelection::all(rows);
  last.first = rows - batch;
  last.count = batch;
  return {kernels::batch_of_step(rows, batch, seed, step_of_the_last_row(), 1), last};
}

TEST_F(EmulatedLargeRows, ProductsReachTheLastRow) {
  const kernels::Stream stream;
  const kernels::MatrixProducts products(stream.get());
  const BankShape shape{features, 1, 1};
  for (const RowSelection& selection : selections()) {
    SparseRows data;
    const Sums expected = set(data, selection);
    kernels::DeviceLossGradient<float> pass(shape, data.pass_rows(), batch, products);
    pass.upload_weights(plan().initial.data(), 1);
    const auto sums = pass.run(kernels::pass_loss(SquaredLoss{}), selection);
    const std::vector<double> gradient = pass.gradient(sums);
    EXPECT_EQ(gradient.front(), expected.first);
    EXPECT_EQ(gradient.back(), expected.intercept);
    if (!selection.shuffled) {
      const double x = (batch - 1) % 7;
      EXPECT_EQ(pass.scores(rows - 1, 1, 1).front(), weight * x + intercept);
    }
  }
}

TEST_F(EmulatedLargeRows, TheFusedEngineReachesTheLastRow) {
  const kernels::Stream stream;
  for (const RowSelection& selection : selections()) {
    SparseRows data;
    const Sums expected = set(data, selection);
    DeviceBank bank(plan(), features, stream.get());
    kernels::FusedPass<float> pass(bank.shape(), {data.view(), nullptr, {}},
                                   kernels::Rounding::none, stream.get());
    const auto sums = pass.run(kernels::pass_loss(SquaredLoss{}), {bank.view(), false}, selection);
    stream.wait();
    EXPECT_EQ(sums.gradient_sum(0), expected.first);
    EXPECT_EQ(sums.gradient_sum(features), expected.intercept);
  }
}

TEST_F(EmulatedLargeRows, BlocksReachTheLastRow) {
  const kernels::Stream stream;
  const RowSelection selection = selections().front();
  for (const Engine engine : {Engine::block, Engine::grid}) {
    SparseRows data;
    const Sums expected = set(data, selection);
    DeviceBank bank(plan(), features, stream.get());
    kernels::BlockSteps<float> steps(plan(), features, pitch, batch, engine, 0);
    DeviceBuffer<kernels::StepRecord> records(1, "records");
    steps.queue(kernels::pass_loss(SquaredLoss{}), data.view(), bank.view(),
                {step_of_the_last_row(), 1, batch, seed, 1}, records.data(), stream.get());
    bank.refresh();
    const std::vector<double> found = bank.parameters(0);
    EXPECT_NEAR(found.front(), weight - 0.5 * expected.first / batch, 1e-12) << name(engine);
    EXPECT_NEAR(found.back(), intercept - 0.5 * expected.intercept / batch, 1e-12) << name(engine);
  }
}

TEST_F(EmulatedLargeRows, UploadsReachTheLastRow) {
  const kernels::Stream stream;
  const std::vector<double> mean(features, 1.0);
  const std::vector<double> scale(features, 2.0);
  SparseRows data;
  kernels::RowUpload<float> upload(kernels::ColumnScales(mean, scale, false), 3, pitch,
                                   stream.get());
  std::vector<float> raw(3 * features, 0.0F);
  for (const std::int64_t r : {0, 1, 2}) {
    raw[static_cast<std::size_t>(r * features)] = static_cast<float>(4 * r + 1);
  }
  const std::vector<std::int64_t> places = {rows - 1, -1, 1};
  upload.send(raw.data(), 3, places.data(), data.matrix.data());
  stream.wait();
  const float* const last = data.matrix.data() + (rows - 1) * pitch;
  EXPECT_EQ(last[0], 0.0F);
  EXPECT_EQ(last[features - 1], -0.5F);
  EXPECT_EQ(last[features], 1.0F);
  EXPECT_EQ(data.matrix.data()[pitch], 4.0F);
  EXPECT_EQ(data.matrix.data()[0], 0.0F);  // left out
  EXPECT_EQ(data.matrix.data()[features], 0.0F);
}

}  // namespace
}  // namespace steepest::tests
