// SPDX-License-Identifier: Apache-2.0
// What every backend promises beyond the gradient: steps, states, determinism, parity with the CPU.
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/standardize.hpp"
#include "steepest/error.hpp"
#include "tests/backends.hpp"
#include "tests/problems.hpp"

namespace steepest::tests {
namespace {

using kernels::Backend;
using kernels::BankPlan;
using kernels::ModelPlan;

class BackendContract : public OnEveryBackend {};

ModelPlan plan_with(const UpdateRule& rule, double rate) {
  ModelPlan plan;
  plan.rule = rule;
  plan.schedule = parse_schedule("cosine:warmup=3");
  plan.schedule.learning_rate = rate;
  plan.schedule.horizon = 40;
  plan.penalty.l2 = 0.01;
  return plan;
}

std::vector<ModelPlan> one_of_each_rule() {
  return {plan_with({RuleKind::gradient, 0.0}, 0.2), plan_with({RuleKind::momentum, 0.8}, 0.05),
          plan_with({RuleKind::nesterov, 0.9}, 0.05), plan_with({RuleKind::accelerated, 0.0}, 0.1)};
}

std::vector<double> train(Backend& backend, const RowLoss& loss, const ProblemShape& shape,
                          std::vector<ModelPlan> plans, std::int64_t batch, std::int64_t steps) {
  backend.hold(random_data(shape, classifies(loss), 21));
  BankPlan bank;
  bank.loss = loss;
  bank.outputs = columns_of(loss, shape.outputs);
  bank.models = std::move(plans);
  bank.batch_size = batch;
  bank.seed = 5;
  const auto models = static_cast<std::int64_t>(bank.models.size());
  backend.start(std::move(bank));
  std::vector<std::vector<kernels::StepRecord>> history(static_cast<std::size_t>(models));
  backend.run(steps, history);
  std::vector<double> all;
  for (std::int64_t model = 0; model < models; ++model) {
    EXPECT_EQ(backend.state(model).step, steps);
    EXPECT_EQ(history[static_cast<std::size_t>(model)].size(), static_cast<std::size_t>(steps));
    const std::vector<double> parameters = backend.parameters(model);
    all.insert(all.end(), parameters.begin(), parameters.end());
  }
  return all;
}

TEST_P(BackendContract, EvaluatesAnywhereAndChangesNothing) {
  const ProblemShape shape{900, 23, 3, true};
  for (const RowLoss& loss :
       {RowLoss(SquaredLoss{}), RowLoss(LogisticLoss{}), RowLoss(SoftmaxLoss{})}) {
    const auto cpu = kernels::make_cpu_backend(1, Precision::fp64);
    static_cast<void>(train(*cpu, loss, shape, one_of_each_rule(), 900, 3));
    const auto backend = make();
    static_cast<void>(train(*backend, loss, shape, one_of_each_rule(), 900, 3));
    const std::vector<double> before = backend->parameters(2);
    const std::vector<double> point =
        random_parameters(columns_of(loss, shape.outputs) * (shape.features + 1), 0.3, 31);
    const kernels::LossAndGradient expected = cpu->evaluate_at(point);
    const kernels::LossAndGradient found = backend->evaluate_at(point);
    EXPECT_NEAR(found.mean_loss, expected.mean_loss, tolerance(1e-12, 1e-5));
    ASSERT_EQ(found.gradient.size(), expected.gradient.size());
    for (std::size_t e = 0; e < found.gradient.size(); ++e) {
      EXPECT_NEAR(found.gradient[e], expected.gradient[e], tolerance(1e-12, 1e-5)) << e;
    }
    EXPECT_EQ(backend->parameters(2), before);
  }
}

TEST_P(BackendContract, GivesRowsBackAsTheyAreTrainedOn) {
  kernels::TrainingData data = random_data({700, 19, 1, false}, false, 4);
  data.mean.assign(19, 0.5);
  data.scale.assign(19, 1.5);
  std::vector<float> expected;
  for (std::int64_t i = 130 * 19; i < (130 + 420) * 19; ++i) {
    expected.push_back(kernels::standardized(data.features.data()[i], 0.5, 1.0 / 1.5));
  }
  const auto backend = make(3);
  backend->hold(std::move(data));
  std::vector<float> rows(expected.size());
  backend->trained_rows(130, 420, rows.data());
  EXPECT_EQ(rows, expected);
  backend->start([] {
    BankPlan bank;
    bank.models = {plan_with({RuleKind::gradient, 0.0}, 0.2)};
    return bank;
  }());
  backend->trained_rows(130, 420, rows.data());
  EXPECT_EQ(rows, expected);
}

// Models that leave a fold out, and one that sees nothing else, against losses of those rows alone.
TEST_P(BackendContract, AMaskedModelSeesItsRowsOnly) {
  const ProblemShape shape{301, 7, 3, true};
  for (const RowLoss& loss :
       {RowLoss(SquaredLoss{}), RowLoss(LogisticLoss{}), RowLoss(SoftmaxLoss{})}) {
    const std::int64_t outputs = columns_of(loss, shape.outputs);
    std::vector<std::uint8_t> folds(301);
    for (std::size_t i = 0; i < folds.size(); ++i) {
      folds[i] = static_cast<std::uint8_t>(i * 7 % 3);
    }
    BankPlan bank;
    bank.loss = loss;
    bank.outputs = outputs;
    bank.models.assign(3, plan_with({RuleKind::gradient, 0.0}, 0.2));
    bank.initial = random_parameters(3 * outputs * 8, 0.4, 3);
    bank.allow_normal_equations = false;
    bank.folds = std::make_shared<const std::vector<std::uint8_t>>(folds);
    std::vector<double> expected;
    for (const kernels::RowMask mask : {kernels::RowMask{1, false, 1.0}, {2, true, 1.0}, {}}) {
      kernels::TrainingData seen = random_data(shape, classifies(loss), 21);
      double weight = 0.0;
      for (std::size_t i = 0; i < folds.size(); ++i) {
        seen.weights[i] *= mask.sees(folds[i]) ? 1.0 : 0.0;
        weight += seen.weights[i];
      }
      bank.masks.push_back({mask.fold, mask.only, 301.0 / weight});
      const auto first =
          bank.initial.begin() + static_cast<std::ptrdiff_t>(expected.size()) * outputs * 8;
      expected.push_back(
          static_cast<double>(plain_mean_loss(loss, seen, outputs, {first, first + outputs * 8})) *
          301.0 / weight);
    }
    const auto backend = make();
    backend->hold(random_data(shape, classifies(loss), 21));
    if (GetParam().kind == DeviceKind::cuda) {
      EXPECT_THROW(backend->start(bank), OptionError);
      continue;
    }
    backend->start(bank);
    backend->evaluate();
    for (std::int64_t k = 0; k < 3; ++k) {
      EXPECT_NEAR(backend->state(k).at.mean_loss, expected[static_cast<std::size_t>(k)],
                  tolerance(1e-12, 1e-5));
    }
  }
}

TEST_P(BackendContract, TrainsLikeTheCpuInDouble) {
  const ProblemShape shape{700, 19, 3, true};
  for (const RowLoss& loss :
       {RowLoss(SquaredLoss{}), RowLoss(LogisticLoss{}), RowLoss(SoftmaxLoss{})}) {
    for (const std::int64_t batch : {std::int64_t{700}, std::int64_t{64}}) {
      const auto cpu = kernels::make_cpu_backend(1, Precision::fp64);
      const auto expected = train(*cpu, loss, shape, one_of_each_rule(), batch, 30);
      const auto found = train(*make(), loss, shape, one_of_each_rule(), batch, 30);
      ASSERT_EQ(found.size(), expected.size());
      for (std::size_t e = 0; e < found.size(); ++e) {
        EXPECT_NEAR(found[e], expected[e], tolerance(1e-12, 1e-5)) << name(loss) << " " << e;
      }
    }
  }
}

TEST_P(BackendContract, SchedulesThatWatchTheRunTrainLikeTheCpuInDouble) {
  const ProblemShape shape{400, 5, 2};
  std::vector<ModelPlan> plans;
  for (const char* text : {"plateau:patience=1,threshold=0.2,gamma=0.5", "adagrad_norm",
                           "adaptive:patience=2,threshold=0.05", "risk_adaptive"}) {
    plans.push_back(plan_with({RuleKind::gradient, 0.0}, 0.3));
    const double rate = plans.back().schedule.learning_rate;
    plans.back().schedule = parse_schedule(text);
    plans.back().schedule.learning_rate = rate;
    plans.back().schedule.horizon = 30;
  }
  for (const std::int64_t batch : {std::int64_t{400}, std::int64_t{50}}) {
    const auto cpu = kernels::make_cpu_backend(1, Precision::fp64);
    const auto expected = train(*cpu, LogisticLoss{}, shape, plans, batch, 30);
    const auto backend = make();
    const auto found = train(*backend, LogisticLoss{}, shape, plans, batch, 30);
    for (std::size_t e = 0; e < found.size(); ++e) {
      EXPECT_NEAR(found[e], expected[e], tolerance(1e-12, 1e-5)) << e;
    }
    // Each went its own way: the rates are not those of a constant schedule.
    for (std::int64_t model = batch == 400 ? 0 : 3; model < 4; ++model) {
      EXPECT_NE(backend->state(model).learning_rate, 0.3) << model;
    }
  }
}

TEST_P(BackendContract, AModelInABankEqualsTheModelAlone) {
  const ProblemShape shape{500, 11, 3};
  const auto bank = train(*make(), SoftmaxLoss{}, shape, one_of_each_rule(), 64, 25);
  std::size_t offset = 0;
  for (const ModelPlan& plan : one_of_each_rule()) {
    const auto alone = train(*make(), SoftmaxLoss{}, shape, {plan}, 64, 25);
    for (std::size_t e = 0; e < alone.size(); ++e) {
      EXPECT_NEAR(bank[offset + e], alone[e], tolerance(1e-12, 1e-5));
    }
    offset += alone.size();
  }
}

TEST_P(BackendContract, GivesTheSameBitsEveryTimeAndForAnyNumberOfThreads) {
  const ProblemShape shape{20000, 23, 4, true};
  const std::int64_t most = steps_in_blocks(GetParam().engine) ? 1024 : 3000;
  for (const std::int64_t batch : {shape.rows, most}) {
    const auto first = train(*make(1), SoftmaxLoss{}, shape, one_of_each_rule(), batch, 12);
    for (const int threads : {1, 2, 3, 8}) {
      EXPECT_EQ(train(*make(threads), SoftmaxLoss{}, shape, one_of_each_rule(), batch, 12), first);
    }
  }
}

TEST_P(BackendContract, StepsAreTheSameHoweverTheyArePortioned) {
  const ProblemShape shape{300, 7, 2};
  const auto whole = train(*make(), SquaredLoss{}, shape, one_of_each_rule(), 32, 20);
  const auto backend = make();
  backend->hold(random_data(shape, false, 21));
  BankPlan bank;
  bank.loss = SquaredLoss{};
  bank.outputs = 2;
  bank.models = one_of_each_rule();
  bank.batch_size = 32;
  bank.seed = 5;
  backend->start(bank);
  std::vector<std::vector<kernels::StepRecord>> history(4);
  for (int portion = 0; portion < 5; ++portion) {
    backend->run(4, history);
    backend->evaluate();  // must not disturb the run
  }
  std::vector<double> parts;
  for (std::int64_t model = 0; model < 4; ++model) {
    const auto parameters = backend->parameters(model);
    parts.insert(parts.end(), parameters.begin(), parameters.end());
  }
  EXPECT_EQ(parts, whole);
}

TEST_P(BackendContract, KeepsThePointThatMetTheTolerance) {
  const ProblemShape shape{200, 5, 1};
  ModelPlan plan = plan_with({RuleKind::gradient, 0.0}, 0.5);
  plan.schedule = Schedule{};
  plan.schedule.learning_rate = 0.5;
  plan.schedule.horizon = 10000;
  plan.tolerances.gradient = 1e-4;
  const auto backend = make();
  backend->hold(random_data(shape, false, 21));
  BankPlan bank;
  bank.loss = SquaredLoss{};
  bank.models = {plan};
  backend->start(bank);
  std::vector<std::vector<kernels::StepRecord>> history(1);
  backend->run(10000, history);
  const kernels::ModelState state = backend->state(0);
  EXPECT_EQ(state.reason, Reason::gradient);
  EXPECT_LE(state.at.gradient_max_norm, 1e-4);
  EXPECT_EQ(history[0].size(), static_cast<std::size_t>(state.step + 1));
  backend->evaluate();  // at the parameters kept
  EXPECT_NEAR(backend->state(0).at.gradient_max_norm, state.at.gradient_max_norm,
              tolerance(1e-15, 1e-9));
}

TEST_P(BackendContract, StopsADivergingModelAndLetsTheOthersRun) {
  const ProblemShape shape{300, 6, 1};
  std::vector<ModelPlan> plans = {plan_with({RuleKind::gradient, 0.0}, 0.1),
                                  plan_with({RuleKind::gradient, 0.0}, 100.0)};
  const auto backend = make();
  backend->hold(random_data(shape, false, 21));
  BankPlan bank;
  bank.loss = SquaredLoss{};
  bank.models = plans;
  backend->start(bank);
  std::vector<std::vector<kernels::StepRecord>> history(2);
  backend->run(35, history);
  EXPECT_EQ(backend->state(0).reason, Reason::running);
  EXPECT_EQ(backend->state(0).step, 35);
  EXPECT_EQ(backend->state(1).reason, Reason::diverged);
  EXPECT_LT(backend->state(1).step, 35);
  for (const double parameter : backend->parameters(1)) {
    EXPECT_TRUE(std::isfinite(parameter));
  }
}

TEST_P(BackendContract, SecondMomentIsTheSumOfOuterProducts) {
  const ProblemShape shape{1500, 21, 1, true};
  const auto data = random_data(shape, false, 2);
  const auto backend = make();
  backend->hold(random_data(shape, false, 2));
  const std::vector<double> moment = backend->second_moment(shape.rows);
  std::vector<double> v = random_parameters(22, 1.0, 4);
  std::vector<double> product(22);
  backend->second_moment_product(true, v.data(), product.data());
  for (std::int64_t a = 0; a < 22; ++a) {
    double along = 0.0;
    for (std::int64_t b = 0; b < 22; ++b) {
      double expected = 0.0;
      for (std::int64_t i = 0; i < shape.rows; ++i) {
        const float* x = data.features.row(i);
        expected += data.weights[static_cast<std::size_t>(i)] *
                    (a < 21 ? static_cast<double>(x[a]) : 1.0) *
                    (b < 21 ? static_cast<double>(x[b]) : 1.0);
      }
      const double found = moment[static_cast<std::size_t>(a * 22 + b)];
      EXPECT_NEAR(found, expected / 1500, tolerance(1e-12, 5e-6)) << a << "," << b;
      along += found * v[static_cast<std::size_t>(b)];
    }
    EXPECT_NEAR(product[static_cast<std::size_t>(a)], along, tolerance(1e-12, 1e-5));
  }
}

TEST_P(BackendContract, APreconditionerTurnsTheGradient) {
  const ProblemShape shape{400, 3, 2};
  BankPlan bank;
  bank.loss = SquaredLoss{};
  bank.outputs = 2;
  bank.models = {plan_with({RuleKind::gradient, 0.0}, 1.0)};
  bank.models[0].schedule = Schedule{};
  bank.models[0].schedule.learning_rate = 1.0;
  bank.models[0].schedule.horizon = 1;
  const auto step = [&](std::vector<double> preconditioner) {
    const auto backend = make();
    backend->hold(random_data(shape, false, 9));
    BankPlan copy = bank;
    copy.preconditioner = std::move(preconditioner);
    backend->start(std::move(copy));
    std::vector<std::vector<kernels::StepRecord>> history(1);
    backend->run(1, history);
    return backend->parameters(0);
  };
  const std::vector<double> plain = step({});
  const std::vector<double> matrix = {2, 1, 0, 0, 1, 3, 0, 0, 0, 0, 0.5, 0.25, 0, 0, 0.25, 1};
  const std::vector<double> turned = step(matrix);
  for (std::size_t o = 0; o < 2; ++o) {
    for (std::size_t i = 0; i < 4; ++i) {
      double expected = 0.0;
      for (std::size_t j = 0; j < 4; ++j) {
        expected += matrix[i * 4 + j] * plain[o * 4 + j];
      }
      EXPECT_NEAR(turned[o * 4 + i], expected, 1e-12);
    }
  }
}

TEST_P(BackendContract, ScoresAreTheProductWithTheData) {
  const ProblemShape shape{130, 9, 3};
  const auto data = random_data(shape, true, 21);
  const auto backend = make();
  const std::vector<double> w =
      train(*backend, SoftmaxLoss{}, shape, {one_of_each_rule()[0]}, 0, 4);
  std::vector<double> scores(270);
  backend->scores(0, 40, 90, scores.data());
  for (std::int64_t i = 0; i < 90; ++i) {
    for (std::int64_t o = 0; o < 3; ++o) {
      double expected = w[static_cast<std::size_t>(o * 10 + 9)];
      for (std::int64_t j = 0; j < 9; ++j) {
        expected += w[static_cast<std::size_t>(o * 10 + j)] *
                    static_cast<double>(data.features.row(40 + i)[j]);
      }
      EXPECT_NEAR(scores[static_cast<std::size_t>(i * 3 + o)], expected, tolerance(1e-13, 1e-5));
    }
  }
}

TEST_P(BackendContract, StandardizesWhatItHolds) {
  kernels::TrainingData data = random_data({50, 2, 1}, false, 1);
  const kernels::TrainingData raw = random_data({50, 2, 1}, false, 1);
  data.mean = {0.5, -2.0};
  data.scale = {2.0, 0.25};
  const auto backend = make();
  backend->hold(std::move(data));
  BankPlan bank;
  bank.loss = SquaredLoss{};
  bank.models = {plan_with({RuleKind::gradient, 0.0}, 0.1)};
  bank.initial = {1.0, 10.0, 0.0};
  backend->start(bank);
  std::vector<double> scores(50);
  backend->scores(0, 0, 50, scores.data());
  for (std::int64_t i = 0; i < 50; ++i) {
    const float* x = raw.features.row(i);
    const double expected =
        (static_cast<double>(x[0]) - 0.5) / 2.0 + 10.0 * (static_cast<double>(x[1]) + 2.0) / 0.25;
    EXPECT_NEAR(scores[static_cast<std::size_t>(i)], expected, 2e-6 * (1 + std::fabs(expected)));
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, BackendContract, testing::ValuesIn(batch_backend_cases()),
                         backend_case_name);

}  // namespace
}  // namespace steepest::tests
