// SPDX-License-Identifier: Apache-2.0
// Losses and gradients of every row loss on every backend, against the definition and its finite
// differences in long double.
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/row_selection.hpp"
#include "tests/backends.hpp"
#include "tests/problems.hpp"
#include "tests/rounded_reference.hpp"

namespace steepest::tests {
namespace {

using kernels::Backend;
using kernels::BankPlan;
using kernels::ModelPlan;
using kernels::TrainingData;

class LossGradient : public OnEveryBackend {};

ModelPlan plain_step(double l2) {
  ModelPlan plan;
  plan.schedule.learning_rate = 1.0;
  plan.schedule.horizon = 1;
  plan.penalty.l2 = l2;
  return plan;
}

// The gradient a backend takes its step along: one step of rate 1 moves by minus that.
std::vector<double> gradient_of(Backend& backend, std::int64_t model,
                                const std::vector<double>& start) {
  std::vector<double> gradient = backend.parameters(model);
  for (std::size_t e = 0; e < gradient.size(); ++e) {
    gradient[e] = start[e] - gradient[e];
  }
  return gradient;
}

void check_problem(Backend& backend, const RowLoss& loss, const ProblemShape& shape, double l2,
                   double tolerance) {
  const std::int64_t columns = columns_of(loss, shape.outputs);
  constexpr std::int64_t models = 2;
  const TrainingData reference = random_data_for(loss, shape, 7);
  const std::int64_t elements = columns * (shape.features + 1);
  BankPlan bank;
  bank.loss = loss;
  bank.outputs = columns;
  bank.models.assign(models, plain_step(l2));
  bank.initial = random_parameters(models * elements, 0.5, 11);
  const std::vector<double> initial = bank.initial;
  backend.hold(random_data_for(loss, shape, 7));
  backend.start(std::move(bank));
  std::vector<std::vector<kernels::StepRecord>> history(models);
  backend.run(1, history);

  for (std::int64_t model = 0; model < models; ++model) {
    std::vector<double> w(initial.begin() + model * elements,
                          initial.begin() + (model + 1) * elements);
    const kernels::ModelState state = backend.state(model);
    const auto expected_loss = static_cast<double>(plain_mean_loss(loss, reference, columns, w));
    EXPECT_NEAR(state.at.mean_loss, expected_loss, tolerance * std::fabs(expected_loss));
    const std::vector<double> gradient = gradient_of(backend, model, w);
    for (std::int64_t e = 0; e < elements; ++e) {
      const auto index = static_cast<std::size_t>(e);
      const double kept = w[index];
      constexpr double h = 1e-5;
      w[index] = kept + h;
      const long double above = plain_mean_loss(loss, reference, columns, w);
      w[index] = kept - h;
      const long double below = plain_mean_loss(loss, reference, columns, w);
      w[index] = kept;
      const bool intercept = e % (shape.features + 1) == shape.features;
      const double expected =
          static_cast<double>((above - below) / (2 * h)) + (intercept ? 0.0 : l2 * kept);
      // 1e-9: what the third derivative leaves of the central difference.
      EXPECT_NEAR(gradient[index], expected, tolerance * (1 + std::fabs(expected)) + 1e-9)
          << name(loss) << " element " << e << " of " << elements;
    }
  }
}

TEST_P(LossGradient, AgreesWithFiniteDifferencesOfTheDefinition) {
  for (const RowLoss& loss : every_loss()) {
    for (const ProblemShape& shape :
         {ProblemShape{1, 1, 2}, ProblemShape{7, 3, 3, true}, ProblemShape{100, 17, 2, true},
          ProblemShape{64, 16, 5}, ProblemShape{53, 33, 7, true}, ProblemShape{33, 5, 12}}) {
      const auto backend = make();
      check_problem(*backend, loss, shape, 0.0, tolerance(1e-9, 2e-5));
      check_problem(*backend, loss, shape, 0.25, tolerance(1e-9, 2e-5));
    }
  }
}

// Of more outputs than one thread of a GPU walks.
TEST_P(LossGradient, AgreesWithFiniteDifferencesOverManyOutputs) {
  if (GetParam().engine == Engine::fused) {
    GTEST_SKIP() << "takes up to 32 outputs";
  }
  for (const RowLoss& loss : every_loss()) {
    const auto backend = make();
    check_problem(*backend, loss, {11, 1, 70, true}, 0.0, tolerance(1e-9, 2e-5));
  }
}

// Two partitions of a GPU, the last a row short, batches, and lanes left over.
TEST_P(LossGradient, SumsRowsOfAThousandClasses) {
  if (GetParam().engine == Engine::fused || steps_in_blocks(GetParam().engine)) {
    GTEST_SKIP() << "takes fewer outputs";
  }
  const ProblemShape shape{1101, 2, 1003, true};
  for (const RowLoss& loss : {RowLoss(SoftmaxLoss{}), RowLoss(SquaredLoss{})}) {
    const TrainingData reference = random_data_for(loss, shape, 3);
    const std::vector<double> w = random_parameters(shape.outputs * (shape.features + 1), 1.0, 5);
    const auto backend = make();
    backend->hold(random_data_for(loss, shape, 3));
    BankPlan bank;
    bank.loss = loss;
    bank.outputs = shape.outputs;
    bank.models = {plain_step(0.0)};
    bank.initial = w;
    bank.seed = 9;
    for (const std::int64_t batch : {std::int64_t{0}, std::int64_t{130}}) {
      bank.batch_size = batch;
      backend->start(bank);
      std::vector<std::vector<kernels::StepRecord>> history(1);
      backend->run(1, history);
      const kernels::RowSelection chosen = kernels::batch_of_step(
          shape.rows, batch == 0 ? shape.rows : batch, bank.seed, 0, bank.together);
      std::vector<std::int64_t> rows(static_cast<std::size_t>(chosen.count));
      chosen.indexes_of(0, chosen.count, rows.data());
      const ReferenceSums expected =
          reference_sums(loss, reference, rows, shape.outputs, w.data(), Precision::fp64, 0.0);
      EXPECT_NEAR(history[0].front().at.mean_loss, expected.loss,
                  tolerance(1e-12, 1e-6) * expected.loss);
      const std::vector<double> gradient = gradient_of(*backend, 0, w);
      double worst = 0.0;
      for (std::size_t e = 0; e < gradient.size(); ++e) {
        const double gap = std::fabs(gradient[e] - expected.gradient[e]) / (1.0 + expected.size[e]);
        worst = gap <= worst ? worst : gap;  // keeps a NaN
      }
      EXPECT_LE(worst, tolerance(1e-12, 1e-6)) << name(loss) << " batch " << batch;
    }
  }
}

// Enough rows for several tiles, flushes and partitions, in full-batch and shuffled order.
TEST_P(LossGradient, SumsEveryRowOnceWhateverTheTiling) {
  for (const RowLoss& loss : every_loss()) {
    const ProblemShape shape{5003, 37, 4, true};
    const std::int64_t columns = columns_of(loss, shape.outputs);
    const TrainingData reference = random_data_for(loss, shape, 3);
    const std::vector<double> w = random_parameters(columns * (shape.features + 1), 0.3, 5);
    const auto backend = make();
    backend->hold(random_data_for(loss, shape, 3));
    BankPlan bank;
    bank.loss = loss;
    bank.outputs = columns;
    bank.models = {plain_step(0.0)};
    bank.initial = w;
    backend->start(bank);
    backend->evaluate();
    const auto expected = static_cast<double>(plain_mean_loss(loss, reference, columns, w));
    EXPECT_NEAR(backend->state(0).at.mean_loss, expected, tolerance(1e-12, 1e-6) * expected);

    // The batch losses of an epoch at a rate too small to move anything add up to the whole.
    bank.models[0].schedule.learning_rate = 1e-300;
    bank.models[0].schedule.horizon = 100;
    bank.batch_size = 1000;
    backend->start(bank);
    std::vector<std::vector<kernels::StepRecord>> history(1);
    backend->run(6, history);
    ASSERT_EQ(history[0].size(), 6U);
    double total = 0.0;
    for (int step = 0; step < 6; ++step) {
      total += history[0][static_cast<std::size_t>(step)].at.mean_loss * (step < 5 ? 1000 : 3);
    }
    EXPECT_NEAR(total / 5003, expected, tolerance(1e-12, 1e-6) * expected);
  }
}

// Scores of +-1e4, and of 1e3 beside 0: loss and gradient stay finite and right.
TEST_P(LossGradient, StandsExtremeScores) {
  for (const double size : {1e3, 1e4}) {
    TrainingData data;
    data.features = FeatureMatrix(4, 1);
    const float values[] = {1.0F, -1.0F, 1.0F, -1.0F};
    std::copy(values, values + 4, data.features.data());
    data.mean = {0.0};
    data.scale = {1.0};
    data.labels = {0, 0, 1, 1};
    const auto backend = make();
    backend->hold(std::move(data));

    BankPlan bank;
    bank.loss = SoftmaxLoss{};
    bank.outputs = 3;
    bank.models = {plain_step(0.0)};
    bank.initial = {size, 0.0, -size, 0.0, 0.0, 0.0};
    backend->start(bank);
    backend->evaluate();
    // Two rows lose 2 * size to the largest score, two lose nothing: mean size.
    EXPECT_NEAR(backend->state(0).at.mean_loss, size, 1e-6 * size);
    EXPECT_NEAR(backend->state(0).at.gradient_max_norm, 0.5, 1e-6);

    bank.loss = LogisticLoss{};
    bank.outputs = 1;
    bank.initial = {size, 0.0};
    backend->start(bank);
    backend->evaluate();
    EXPECT_NEAR(backend->state(0).at.mean_loss, size / 2, 1e-6 * size);
    EXPECT_TRUE(std::isfinite(backend->state(0).at.gradient_max_norm));
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, LossGradient, testing::ValuesIn(batch_backend_cases()),
                         backend_case_name);

}  // namespace
}  // namespace steepest::tests
