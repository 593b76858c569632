// SPDX-License-Identifier: Apache-2.0
// The tensor kernel on one partition of as many rows as it likes, for every size of it: full tiles
// of every height, with rows left over.
#include "kernels/fused_tensor.cuh"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "kernels/device_bank.cuh"
#include "kernels/device_data.cuh"
#include "kernels/stream.cuh"
#include "kernels/tensor_shape.hpp"
#include "tests/cuda_emulation/emulation.hpp"
#include "tests/problems.hpp"
#include "tests/rounded_reference.hpp"

namespace steepest::tests {
namespace {

using kernels::DeviceBuffer;
using kernels::Rounding;

struct Case {
  Precision precision;
  std::int64_t features;
  std::int64_t outputs;
  std::int64_t tile_rows;  // that tensor_shape gives
  std::int64_t held;       // likewise
  std::int64_t ranks = 1;  // likewise
  bool twice = false;      // two partitions, one after the other by the same blocks
};

// A partition of two tiles and three rows, or two that are short of a tile.
void check(const Case& given) {
  SCOPED_TRACE(std::string(name(given.precision)) + " d " + std::to_string(given.features) + " C " +
               std::to_string(given.outputs));
  const Rounding rounding = kernels::rounding_of(given.precision);
  const kernels::TensorShape tile =
      kernels::tensor_shape(given.outputs, given.features + 1, rounding);
  ASSERT_EQ(tile.rows, given.tile_rows);
  ASSERT_EQ(tile.held, given.held);
  ASSERT_EQ(tile.ranks, given.ranks);
  const std::int64_t rows = given.twice ? 2 * (tile.rows - 3) : 2 * tile.rows + 3;
  const SoftmaxLoss loss;
  const ProblemShape shape{rows, given.features, given.outputs, true};
  const kernels::TrainingData data = random_data_for(loss, shape, 31);
  const kernels::Stream stream;
  const kernels::DeviceData<float> held(random_data_for(loss, shape, 31), kernels::RowPlace::device,
                                        stream.get());
  kernels::BankPlan plan;
  plan.loss = loss;
  plan.outputs = given.outputs;
  plan.models.resize(1);
  plan.initial = random_parameters(given.outputs * (given.features + 1),
                                   1.0 / std::sqrt(static_cast<double>(given.features)), 37);
  kernels::DeviceBank bank(plan, given.features, stream.get());
  const std::int64_t pitch = held.view().pitch;
  const std::int64_t partitions = given.twice ? 2 : 1;
  DeviceBuffer<float> gradient(partitions * given.outputs * pitch, "gradients");
  DeviceBuffer<double> losses(partitions, "losses");
  const kernels::FusedTask<float> task{kernels::pass_loss(loss),
                                       {bank.view()},
                                       held.view(),
                                       {},
                                       kernels::RowSelection::all(rows),
                                       {0, rows, partitions, (rows + partitions - 1) / partitions},
                                       1,
                                       gradient.data(),
                                       losses.data()};
  kernels::queue_tensor(task, rounding, stream.get());
  std::vector<float> found(static_cast<std::size_t>(gradient.size()));
  kernels::download(gradient.data(), gradient.size(), found.data(), stream.get());
  std::vector<double> found_losses(static_cast<std::size_t>(partitions));
  kernels::download(losses.data(), partitions, found_losses.data(), stream.get());

  std::vector<std::int64_t> indexes(static_cast<std::size_t>(rows));
  std::iota(indexes.begin(), indexes.end(), 0);
  const ReferenceSums expected =
      reference_sums(loss, data, indexes, given.outputs, plan.initial.data(), given.precision, 0.0);
  const auto n = static_cast<double>(rows);
  EXPECT_NEAR(std::accumulate(found_losses.begin(), found_losses.end(), 0.0) / n, expected.loss,
              2e-6 * expected.loss);
  const std::int64_t stride = given.features + 1;
  double worst = 0.0;
  for (std::int64_t e = 0; e < given.outputs * stride; ++e) {
    const auto element = static_cast<std::size_t>(e);
    double value = 0.0;
    for (std::int64_t p = 0; p < partitions; ++p) {
      const std::int64_t column = p * given.outputs + e / stride;
      value += static_cast<double>(found[static_cast<std::size_t>(column * pitch + e % stride)]);
    }
    const double apart = std::fabs(value / n - expected.gradient[element]) /
                         resolution(expected, given.precision, element);
    worst = apart <= worst ? worst : apart;  // keeps a NaN
  }
  EXPECT_LE(worst, 1.0);
}

TEST(EmulatedTensorKernel, AddsUpFullTilesOfEverySize) {
  for (const Case& given :
       {Case{Precision::tf32, 20, 7, 64, 2}, Case{Precision::bf16, 30, 6, 64, 2},
        Case{Precision::tf32, 50, 13, 64, 2}, Case{Precision::bf16, 60, 14, 64, 2},
        Case{Precision::tf32, 40, 31, 64, 2}, Case{Precision::bf16, 47, 32, 64, 2},
        Case{Precision::tf32, 650, 10, 24, 8}, Case{Precision::bf16, 720, 10, 24, 8},
        Case{Precision::bf16, 1000, 20, 8, 8}, Case{Precision::tf32, 600, 25, 16, 8},
        Case{Precision::tf32, 1300, 5, 8, 16}, Case{Precision::bf16, 1300, 12, 8, 16},
        Case{Precision::bf16, 2100, 5, 8, 32}, Case{Precision::tf32, 2050, 5, 8, 32}}) {
    check(given);
  }
}

// Blocks of a cluster go on one at a time, by chance: other chances, and one cluster for two
// partitions.
TEST(EmulatedTensorKernel, ClustersShareTheFeatures) {
  for (const Case& given :
       {Case{Precision::tf32, 1600, 12, 16, 8, 2}, Case{Precision::bf16, 2100, 9, 16, 16, 2, true},
        Case{Precision::tf32, 2300, 20, 16, 8, 4, true},
        Case{Precision::bf16, 4200, 18, 24, 8, 8}}) {
    for (const unsigned seed : {2U, 3U}) {
      emulation::Machine machine;
      machine.most_blocks = given.ranks;
      machine.seed = seed;
      emulation::set_machine(machine);
      check(given);
    }
  }
  emulation::set_machine({});
}

}  // namespace
}  // namespace steepest::tests
