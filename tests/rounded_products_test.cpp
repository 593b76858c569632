// SPDX-License-Identifier: Apache-2.0
// --precision tf32 and bf16: steps against exact products, within what rounding the operands can
// change, and against products of rounded operands, to float32.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "kernels/fused_shape.hpp"
#include "kernels/row_selection.hpp"
#include "steepest/error.hpp"
#include "tests/backends.hpp"
#include "tests/problems.hpp"
#include "tests/rounded_reference.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

using kernels::Backend;
using kernels::BankPlan;
using kernels::ModelPlan;

struct Case {
  RowLoss loss;
  ProblemShape shape;
  std::int64_t models = 1;
  std::int64_t batch = 0;
};

constexpr std::uint64_t order_seed = 3;
constexpr unsigned data_seed = 17;

class CudaRounded : public testing::TestWithParam<Precision> {
 protected:
  void SetUp() override {
    const DeviceInfo device = kernels::describe_cuda_devices().front();
    if (!device.usable) {
      GTEST_SKIP() << "no CUDA device: " << device.problem;
    }
    emulated = device.name.rfind("Emulated", 0) == 0;
  }

  // Whether products by cuBLAS round for certain: the real one may.
  bool emulated = false;
};

std::vector<double> first_parameters(const Case& given) {
  const std::int64_t outputs = columns_of(given.loss, given.shape.outputs);
  return random_parameters(given.models * outputs * (given.shape.features + 1),
                           1.0 / std::sqrt(static_cast<double>(given.shape.features)), 23);
}

void start(Backend& backend, const Case& given) {
  backend.hold(random_data_for(given.loss, given.shape, data_seed));
  BankPlan bank;
  bank.loss = given.loss;
  bank.outputs = columns_of(given.loss, given.shape.outputs);
  ModelPlan model;
  model.schedule.learning_rate = 1.0;
  model.schedule.horizon = 10;
  bank.models.assign(static_cast<std::size_t>(given.models), model);
  bank.batch_size = given.batch;
  bank.seed = order_seed;
  bank.initial = first_parameters(given);
  bank.allow_normal_equations = false;
  backend.start(std::move(bank));
}

std::vector<std::int64_t> rows_of_first_step(const Case& given) {
  const std::int64_t batch = given.batch > 0 ? given.batch : given.shape.rows;
  const kernels::RowSelection rows =
      kernels::batch_of_step(given.shape.rows, batch, order_seed, 0, 1);
  std::vector<std::int64_t> indexes(static_cast<std::size_t>(rows.count));
  rows.indexes_of(0, rows.count, indexes.data());
  return indexes;
}

// One step of rate 1: its loss, and what it moved by is the gradient.
void check(Backend& backend, const Case& given, Precision precision, bool certainly_rounds) {
  start(backend, given);
  const std::vector<double> initial = first_parameters(given);
  std::vector<std::vector<kernels::StepRecord>> history(static_cast<std::size_t>(given.models));
  backend.run(1, history);
  const kernels::TrainingData data = random_data_for(given.loss, given.shape, data_seed);
  const std::int64_t outputs = columns_of(given.loss, given.shape.outputs);
  const std::vector<std::int64_t> rows = rows_of_first_step(given);
  for (std::int64_t k = 0; k < given.models; ++k) {
    const double* const start_at = initial.data() + k * outputs * (given.shape.features + 1);
    const ReferenceSums exact = reference_sums(given.loss, data, rows, outputs, start_at,
                                               Precision::fp64, operand_rounding(precision));
    const ReferenceSums rounded =
        reference_sums(given.loss, data, rows, outputs, start_at, precision, 0.0);
    const std::vector<double> moved = backend.parameters(k);
    const double loss = history[static_cast<std::size_t>(k)].front().at.mean_loss;
    EXPECT_LE(std::fabs(loss - exact.loss), exact.loss_bound + 1e-6 * exact.loss);
    double worst_of_bound = 0.0;
    double worst_of_rounded = 0.0;
    for (std::size_t e = 0; e < moved.size(); ++e) {
      const double found = start_at[e] - moved[e];
      const double apart =
          std::fabs(found - exact.gradient[e]) / (exact.bound[e] + 1e-5 * exact.size[e] + 1e-7);
      const double from_rounded =
          std::fabs(found - rounded.gradient[e]) / resolution(rounded, precision, e);
      worst_of_bound = apart <= worst_of_bound ? worst_of_bound : apart;  // keeps a NaN
      worst_of_rounded = from_rounded <= worst_of_rounded ? worst_of_rounded : from_rounded;
    }
    EXPECT_LE(worst_of_bound, 1.0) << "model " << k;
    if (certainly_rounds) {
      EXPECT_LE(worst_of_rounded, 1.0) << "model " << k;
      EXPECT_NEAR(loss, rounded.loss, 2e-6 * rounded.loss) << "model " << k;
    }
  }
}

// More columns than the strip kernel takes, odd numbers of features about those of a product, every
// number of products that a warp keeps, tiles of 64 rows to 8, and a cluster.
TEST_P(CudaRounded, StepsAreThoseOfRoundedOperands) {
  for (const Case& given :
       {Case{SoftmaxLoss{}, {41, 1, 5, true}}, Case{SquaredLoss{}, {37, 15, 6}},
        Case{SoftmaxLoss{}, {1501, 17, 8, true}}, Case{SoftmaxLoss{}, {90, 33, 32}, 1, 61},
        Case{LogisticLoss{}, {203, 40, 1, true}, 11, 97}, Case{SquaredLoss{}, {50, 100, 5}, 7},
        Case{SoftmaxLoss{}, {29, 300, 17}}, Case{SoftmaxLoss{}, {23, 784, 10, true}, 2, 19},
        Case{SquaredLoss{}, {9, 1100, 9}}, Case{SoftmaxLoss{}, {6, 2060, 5}},
        Case{SoftmaxLoss{}, {5, 3001, 12, true}, 1, 4}}) {
    SCOPED_TRACE("d " + std::to_string(given.shape.features) + " C " +
                 std::to_string(given.shape.outputs));
    for (const Engine engine : {Engine::products, Engine::fused}) {
      SCOPED_TRACE(name(engine));
      const auto backend = kernels::make_cuda_backend(0, GetParam(), engine);
      EXPECT_EQ(backend->precision(), GetParam());
      check(*backend, given, GetParam(), engine == Engine::fused || emulated);
    }
  }
}

// What few columns wait for is memory: fused rounds nothing there.
TEST_P(CudaRounded, FewColumnsKeepTheBitsOfFp32) {
  const Case given{LogisticLoss{}, {300, 20, 1}, 3, 100};
  std::vector<std::vector<double>> found;
  for (const Precision precision : {Precision::fp32, GetParam()}) {
    const auto backend = kernels::make_cuda_backend(0, precision, Engine::fused);
    start(*backend, given);
    std::vector<std::vector<kernels::StepRecord>> history(3);
    backend->run(4, history);
    found.push_back(backend->parameters(2));
  }
  EXPECT_EQ(found[0], found[1]);
}

// Metrics and certificates are those of fp32, whatever steps round.
TEST_P(CudaRounded, ScoresAndEvaluationsBesideTheStepsAreNotRounded) {
  const Case given{SoftmaxLoss{}, {60, 50, 6}, 2};
  std::vector<double> exact_scores;
  std::vector<double> exact_gradient;
  for (const Precision precision : {Precision::fp32, GetParam()}) {
    for (const Engine engine : {Engine::products, Engine::fused}) {
      const auto backend = kernels::make_cuda_backend(0, precision, engine);
      start(*backend, given);
      std::vector<double> scores(std::size_t{60} * 6);
      backend->scores(1, 0, 60, scores.data());
      std::vector<double> gradient = backend->evaluate_at(backend->parameters(1)).gradient;
      if (exact_scores.empty()) {
        exact_scores = scores;
        exact_gradient = gradient;
      }
      EXPECT_EQ(scores, exact_scores);
      EXPECT_EQ(gradient, exact_gradient);
    }
  }
}

TEST_P(CudaRounded, GivesTheSameBitsEveryTime) {
  const Case given{SoftmaxLoss{}, {903, 37, 10, true}, 2, 400};
  std::vector<std::vector<double>> found;
  for (int time = 0; time < 2; ++time) {
    const auto backend = kernels::make_cuda_backend(0, GetParam(), Engine::fused);
    start(*backend, given);
    std::vector<std::vector<kernels::StepRecord>> history(2);
    backend->run(3, history);
    found.push_back(backend->parameters(1));
  }
  EXPECT_EQ(found[0], found[1]);
}

TEST_P(CudaRounded, SaysWhatItCannotTake) {
  EXPECT_EQ(thrown_message<OptionError>(
                [] { return kernels::make_cuda_backend(0, GetParam(), Engine::block); }),
            "--engine block has no tensor cores for --precision " + std::string(name(GetParam())) +
                ": use --engine products, or --precision fp32");
  const std::int64_t most = kernels::most_fused_features(10, 4, kernels::rounding_of(GetParam()));
  const auto backend = kernels::make_cuda_backend(0, GetParam(), Engine::fused);
  EXPECT_EQ(thrown_message<OptionError>([&] {
              start(*backend, {SoftmaxLoss{}, {3, most + 1, 10}});
            }),
            "--engine fused takes up to " + std::to_string(most) +
                " features in a model of 10 outputs with this precision, and " +
                std::to_string(most + 1) + " were given: use --engine products");
  start(*backend, {SoftmaxLoss{}, {3, most, 10}});
}

INSTANTIATE_TEST_SUITE_P(Precisions, CudaRounded, testing::Values(Precision::tf32, Precision::bf16),
                         [](const testing::TestParamInfo<Precision>& tested) {
                           return std::string(name(tested.param));
                         });

TEST(Rounded, TheCpuHasNoTensorCores) {
  for (const Precision precision : {Precision::tf32, Precision::bf16}) {
    EXPECT_EQ(thrown_message<OptionError>([&] { return kernels::make_cpu_backend(1, precision); }),
              "--precision " + std::string(name(precision)) +
                  " is for the tensor cores of a GPU, and this run is on the CPU: use --device "
                  "cuda, or --precision fp32");
    EXPECT_EQ(parse_precision(name(precision)), precision);
  }
}

// Against frexp() and the rounding of the C library.
TEST(Rounded, OperandsAreTheNearest) {
  std::vector<float> values = {0.0F,           1.0F,           3e38F,      1.0F + 0x1p-11F,
                               1.0F + 0x1p-8F, 1.0F + 0x3p-8F, 0x1.ffep0F, 0x1.fffp0F};
  for (const double value : random_parameters(4000, 3.0, 5)) {
    values.push_back(static_cast<float>(value));
  }
  for (const float value : values) {
    for (const float signed_value : {value, -value}) {
      for (const Precision precision : {Precision::tf32, Precision::bf16}) {
        EXPECT_EQ(kernels::rounded(signed_value, kernels::rounding_of(precision)),
                  static_cast<float>(rounded_to(precision, signed_value)));
      }
    }
  }
  const float infinity = std::numeric_limits<float>::infinity();
  for (const kernels::Rounding rounding : {kernels::Rounding::tf32, kernels::Rounding::bf16}) {
    EXPECT_EQ(kernels::rounded(infinity, rounding), infinity);
    for (const std::uint32_t bits : {0x7FC00000U, 0x7FFFFFFFU, 0xFFFFFFFFU, 0x7F800001U}) {
      float not_a_number = 0.0F;
      std::memcpy(&not_a_number, &bits, sizeof bits);
      EXPECT_TRUE(std::isnan(kernels::rounded(not_a_number, rounding)));
    }
  }
}

}  // namespace
}  // namespace steepest::tests
