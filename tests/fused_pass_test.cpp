// SPDX-License-Identifier: Apache-2.0
// The fused engine against the products engine and the CPU, over shapes that reach every kernel,
// every lane left over, and every way rows are read.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "kernels/fused_shape.hpp"
#include "kernels/standardize.hpp"
#include "steepest/error.hpp"
#include "tests/backends.hpp"
#include "tests/problems.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

using kernels::Backend;
using kernels::BankPlan;
using kernels::FusedShape;
using kernels::ModelPlan;

struct Case {
  RowLoss loss;
  ProblemShape shape;
  std::int64_t models = 1;
  std::int64_t batch = 0;
  double size = 0.2;  // of the first parameters
};

std::string text(const Case& given) {
  return std::string(name(given.loss)) + " n " + std::to_string(given.shape.rows) + " d " +
         std::to_string(given.shape.features) + " C " + std::to_string(given.shape.outputs) +
         " K " + std::to_string(given.models) + " batch " + std::to_string(given.batch);
}

class CudaFused : public testing::TestWithParam<Precision> {
 protected:
  void SetUp() override {
    const DeviceInfo device = kernels::describe_cuda_devices().front();
    if (!device.usable) {
      GTEST_SKIP() << "no CUDA device: " << device.problem;
    }
  }

  [[nodiscard]] static std::unique_ptr<Backend> make(Engine engine) {
    return kernels::make_cuda_backend(0, GetParam(), engine);
  }

  [[nodiscard]] static bool fits(const Case& given) {
    const std::int64_t bytes = GetParam() == Precision::fp64 ? 8 : 4;
    const std::int64_t width = kernels::vector_bytes / bytes;
    const std::int64_t pitch = (given.shape.features + width) / width * width;
    return kernels::fused_shape(
               {given.shape.features, columns_of(given.loss, given.shape.outputs), given.models},
               pitch, bytes)
               .kernel != FusedShape::Kernel::none;
  }
};

void start(Backend& backend, const Case& given) {
  backend.hold(random_data_for(given.loss, given.shape, 17));
  BankPlan bank;
  bank.loss = given.loss;
  bank.outputs = columns_of(given.loss, given.shape.outputs);
  ModelPlan model;
  model.schedule.learning_rate = 0.01;
  model.schedule.horizon = 100;
  bank.models.assign(static_cast<std::size_t>(given.models), model);
  bank.batch_size = given.batch;
  bank.seed = 3;
  bank.initial =
      random_parameters(given.models * bank.outputs * (given.shape.features + 1),
                        given.size / std::sqrt(static_cast<double>(given.shape.features)), 23);
  bank.allow_normal_equations = false;
  backend.start(std::move(bank));
}

// Losses of every step, then of all rows, and the parameters left.
std::vector<double> train(Backend& backend, const Case& given, std::int64_t steps) {
  start(backend, given);
  std::vector<std::vector<kernels::StepRecord>> history(static_cast<std::size_t>(given.models));
  backend.run(steps, history);
  backend.evaluate();
  std::vector<double> all;
  for (std::int64_t k = 0; k < given.models; ++k) {
    for (const kernels::StepRecord& record : history[static_cast<std::size_t>(k)]) {
      all.push_back(record.at.mean_loss);
    }
    all.push_back(backend.state(k).at.mean_loss);
    all.push_back(backend.state(k).at.gradient_max_norm);
    const std::vector<double> parameters = backend.parameters(k);
    all.insert(all.end(), parameters.begin(), parameters.end());
  }
  return all;
}

void expect_near(const std::vector<double>& found, const std::vector<double>& expected,
                 double tolerance, const std::string& what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  double worst = 0.0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double gap = std::fabs(found[i] - expected[i]) / (1.0 + std::fabs(expected[i]));
    worst = gap <= worst ? worst : gap;  // keeps a NaN
  }
  EXPECT_LE(worst, tolerance) << what;
}

void expect_parity(const Case& given, std::int64_t steps) {
  const std::vector<double> expected =
      train(*kernels::make_cpu_backend(1, Precision::fp64), given, steps);
  const bool exact = CudaFused::GetParam() == Precision::fp64;
  for (const Engine engine : {Engine::products, Engine::fused}) {
    const auto backend = kernels::make_cuda_backend(0, CudaFused::GetParam(), engine);
    EXPECT_EQ(backend->engine(), engine);
    expect_near(train(*backend, given, steps), expected, exact ? 1e-12 : 2e-5,
                text(given) + " " + std::string(name(engine)));
  }
}

TEST_P(CudaFused, AgreesWithProductsOnEveryLossAndWidth) {
  const std::int64_t widths[] = {1, 3, 31, 32, 33, 100, 784, 1000, 2000};
  const std::int64_t outputs[] = {1, 2, 3, 10, 31, 32};
  std::int64_t count = 0;
  for (const std::int64_t features : widths) {
    for (const RowLoss& loss : every_loss()) {
      const bool smoothed =
          std::holds_alternative<SoftmaxLoss>(loss) && std::get<SoftmaxLoss>(loss).smoothing > 0.0;
      for (const std::int64_t classes : outputs) {
        const bool softmax = std::holds_alternative<SoftmaxLoss>(loss);
        if ((softmax && classes == 1) || (smoothed && classes != 3) ||
            (!softmax && classes != (count % 2 == 0 ? 1 : 3))) {
          continue;
        }
        // Neither a multiple of anything nor the same twice; full and gathered by turns.
        const std::int64_t rows = 37 + 11 * (count % 7);
        const Case given{
            loss, {rows, features, classes, count % 3 == 0}, 1, count % 2 == 0 ? 0 : 19};
        ++count;
        if (fits(given)) {
          expect_parity(given, 2);
        } else {
          const auto backend = make(Engine::fused);
          EXPECT_THROW(start(*backend, given), OptionError) << text(given);
        }
      }
    }
  }
  EXPECT_GT(count, 100);
}

TEST_P(CudaFused, BanksShareReadsInGroups) {
  for (const Case& given :
       {Case{SquaredLoss{}, {130, 50, 1}, 5}, Case{LogisticLoss{}, {97, 6, 1}, 40},
        Case{SoftmaxLoss{}, {211, 20, 3, true}, 5, 50}, Case{SoftmaxLoss{}, {83, 33, 10}, 4},
        Case{HuberLoss{0.5}, {61, 9, 2, true}, 3, 16}, Case{PoissonLoss{}, {71, 5, 4}, 2}}) {
    expect_parity(given, 3);
  }
}

// More partitions than the update adds up alone; then more rows than a chunk takes.
TEST_P(CudaFused, FoldsManyPartitionsAndChunks) {
  expect_parity({LogisticLoss{}, {3001, 7, 1, true}}, 2);
  expect_parity({SoftmaxLoss{}, {13003, 3, 5}}, 1);
  expect_parity({SquaredLoss{}, {1'048'703, 1, 1}}, 1);
}

TEST_P(CudaFused, GathersRowsFromTheShuffledOrderInPlace) {
  for (const std::int64_t batch : {1, 7, 64, 500, 2999}) {
    expect_parity({LogisticLoss{}, {3000, 12, 1, true}, 2, batch}, 4);
    expect_parity({SoftmaxLoss{}, {3000, 12, 7}, 1, batch}, 3);
  }
}

TEST_P(CudaFused, StandsScoresOfTenThousand) {
  for (const RowLoss& loss : {RowLoss(LogisticLoss{}), RowLoss(SoftmaxLoss{}),
                              RowLoss(HuberLoss{1.0}), RowLoss(SquaredLoss{})}) {
    for (const std::int64_t classes : {3, 10}) {
      Case given{loss, {101, 40, classes}};
      given.size = 1e4;
      const auto backend = make(Engine::fused);
      const std::vector<double> found = train(*backend, given, 1);
      for (const double value : found) {
        ASSERT_TRUE(std::isfinite(value)) << text(given);
      }
      const auto products = make(Engine::products);
      expect_near(found, train(*products, given, 1), GetParam() == Precision::fp64 ? 1e-11 : 1e-4,
                  text(given));
    }
  }
}

TEST_P(CudaFused, GivesTheSameBitsEveryTime) {
  for (const Case& given : {Case{LogisticLoss{}, {5003, 37, 1, true}, 3, 700},
                            Case{SoftmaxLoss{}, {2003, 37, 10, true}, 1, 0}}) {
    EXPECT_EQ(train(*make(Engine::fused), given, 5), train(*make(Engine::fused), given, 5));
  }
}

TEST_P(CudaFused, SaysWhatItCannotTake) {
  const bool exact = GetParam() == Precision::fp64;
  const auto message = [&](const ProblemShape& shape) {
    const auto backend = make(Engine::fused);
    return thrown_message<OptionError>([&] { start(*backend, {SoftmaxLoss{}, shape}); });
  };
  EXPECT_EQ(message({40, 5, 33}),
            "--engine fused takes models of up to 32 outputs, and this one has 33: use --engine "
            "products");
  const std::int64_t most = kernels::most_fused_features(2, exact ? 8 : 4);
  EXPECT_EQ(message({3, most + 1, 2}),
            "--engine fused takes up to " + std::to_string(most) +
                " features in a model of 2 outputs with this precision, and " +
                std::to_string(most + 1) + " were given: use --engine products");
  const auto backend = make(Engine::fused);
  start(*backend, {SoftmaxLoss{}, {3, most, 2}});
}

std::string precision_name(const testing::TestParamInfo<Precision>& tested) {
  return std::string(name(tested.param));
}

INSTANTIATE_TEST_SUITE_P(Precisions, CudaFused, testing::Values(Precision::fp64, Precision::fp32),
                         precision_name);

}  // namespace
}  // namespace steepest::tests
