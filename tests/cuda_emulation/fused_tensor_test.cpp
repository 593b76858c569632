// SPDX-License-Identifier: Apache-2.0
// The tensor kernel on one partition of as many rows as it likes, for every size of it: full tiles
// of every height, with rows left over.
#include "kernels/fused_tensor.cuh"

#include <gtest/gtest.h>

#include <numeric>
#include <string>

#include "kernels/device_bank.cuh"
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
};

// A partition of two tiles and three rows.
void check(const Case& given) {
  SCOPED_TRACE(std::string(name(given.precision)) + " d " + std::to_string(given.features) + " C " +
               std::to_string(given.outputs));
  const Rounding rounding = kernels::rounding_of(given.precision);
  const kernels::TensorShape tile =
      kernels::tensor_shape(given.outputs, given.features + 1, rounding);
  ASSERT_EQ(tile.rows, given.tile_rows);
  ASSERT_EQ(tile.held, given.held);
  const std::int64_t rows = 2 * tile.rows + 3;
  const SoftmaxLoss loss;
  const ProblemShape shape{rows, given.features, given.outputs, true};
  const kernels::TrainingData data = random_data_for(loss, shape, 31);
  const kernels::Stream stream;
  const kernels::DeviceData<float> held(data, stream.get());
  kernels::BankPlan plan;
  plan.loss = loss;
  plan.outputs = given.outputs;
  plan.models.resize(1);
  plan.initial = random_parameters(given.outputs * (given.features + 1),
                                   1.0 / std::sqrt(static_cast<double>(given.features)), 37);
  kernels::DeviceBank bank(plan, given.features, stream.get());
  const std::int64_t pitch = held.view().pitch;
  const DeviceBuffer<float> gradient(given.outputs * pitch, "gradients");
  const DeviceBuffer<double> losses(1, "losses");
  const kernels::FusedTask<float> task{kernels::pass_loss(loss),
                                       {bank.view()},
                                       held.view(),
                                       kernels::RowSelection::all(rows),
                                       {0, rows, 1, rows},
                                       1,
                                       const_cast<float*>(gradient.data()),
                                       const_cast<double*>(losses.data())};
  kernels::queue_tensor(task, rounding, stream.get());
  std::vector<float> found(static_cast<std::size_t>(given.outputs * pitch));
  kernels::download(gradient.data(), given.outputs * pitch, found.data(), stream.get());
  double found_loss = 0.0;
  kernels::download(losses.data(), 1, &found_loss, stream.get());

  std::vector<std::int64_t> indexes(static_cast<std::size_t>(rows));
  std::iota(indexes.begin(), indexes.end(), 0);
  const ReferenceSums expected =
      reference_sums(loss, data, indexes, given.outputs, plan.initial.data(), given.precision, 0.0);
  const auto n = static_cast<double>(rows);
  EXPECT_NEAR(found_loss / n, expected.loss, 2e-6 * expected.loss);
  const std::int64_t stride = given.features + 1;
  double worst = 0.0;
  for (std::int64_t e = 0; e < given.outputs * stride; ++e) {
    const auto element = static_cast<std::size_t>(e);
    const float value = found[static_cast<std::size_t>(e / stride * pitch + e % stride)];
    const double apart = std::fabs(static_cast<double>(value) / n - expected.gradient[element]) /
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

}  // namespace
}  // namespace steepest::tests
