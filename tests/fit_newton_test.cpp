// SPDX-License-Identifier: Apache-2.0
// Newton's method: the same optimum as the other rules, in a few steps, and second derivatives that
// are those of the loss.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "src/train/hessian.hpp"
#include "steepest/error.hpp"
#include "steepest/fit.hpp"
#include "tests/problems.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

// Rows of three features, one a blend of the others, weighted, with targets or classes that a loss
// can take.
Dataset random_rows(const RowLoss& loss, std::int64_t rows, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  Dataset data;
  data.schema.columns.resize(3);
  data.schema.columns[0].name = "a";
  data.schema.columns[1].name = "b";
  data.schema.columns[2].name = "c";
  data.schema.target_names = {"y"};
  data.features = FeatureMatrix(rows, 3);
  const bool softmax = std::holds_alternative<SoftmaxLoss>(loss);
  if (classifies(loss)) {
    data.schema.classes =
        softmax ? std::vector<std::string>{"k", "l", "m"} : std::vector<std::string>{"k", "l"};
  }
  for (std::int64_t i = 0; i < rows; ++i) {
    float* const row = data.features.row(i);
    row[0] = static_cast<float>(10.0 * normal(random));
    row[1] = static_cast<float>(normal(random) + 3.0);
    row[2] = static_cast<float>(0.1 * static_cast<double>(row[0]) + normal(random));
    const double score = 0.04 * static_cast<double>(row[0]) - 0.3 * static_cast<double>(row[1]);
    if (softmax) {
      const double noisy = score + normal(random);
      data.labels.push_back(noisy < -1.3 ? 0 : noisy < -0.4 ? 1 : 2);
    } else if (classifies(loss)) {
      data.labels.push_back(score + normal(random) > -0.8 ? 1 : 0);
    } else if (std::holds_alternative<PoissonLoss>(loss)) {
      data.targets.push_back(
          static_cast<double>(std::poisson_distribution<int>(std::exp(score + 1.5))(random)));
    } else {
      data.targets.push_back(score + (i % 9 == 0 ? 20.0 : 0.3) * normal(random));
    }
    data.weights.push_back(0.5 + static_cast<double>(i % 3));
  }
  return data;
}

struct NewtonCase {
  RowLoss loss;
  double l2;
};

class NewtonFit : public ::testing::TestWithParam<NewtonCase> {};

FitOptions exact(const NewtonCase& given) {
  FitOptions options;
  options.loss = given.loss;
  options.l2 = given.l2;
  options.precision = Precision::fp64;
  options.device.kind = DeviceChoice::Kind::cpu;
  options.tolerance_gradient = 1e-10;
  return options;
}

TEST_P(NewtonFit, ReachesTheOptimumOfTheOtherRulesInAFewSteps) {
  FitOptions options = exact(GetParam());
  const FitResult other = fit(random_rows(GetParam().loss, 400, 5), options);
  options.rule = parse_rule("newton");
  const FitResult newton = fit(random_rows(GetParam().loss, 400, 5), options);
  EXPECT_EQ(newton.termination.reason, Reason::gradient) << newton.termination.inequality;
  EXPECT_LE(newton.steps, 60);  // a narrow Huber loss begins on its slopes
  const double objective = other.at.objective();
  EXPECT_NEAR(newton.at.objective(), objective, 1e-12 * std::fabs(objective));
  if (!std::holds_alternative<SoftmaxLoss>(GetParam().loss) || GetParam().l2 > 0.0) {
    EXPECT_NEAR(newton.model.coefficients[1], other.model.coefficients[1], 1e-6);
  }  // else all classes' coefficients may grow alike
  EXPECT_EQ(newton.rule.kind, RuleKind::newton);
}

TEST_P(NewtonFit, SameBitsForAnyNumberOfThreads) {
  FitOptions options = exact(GetParam());
  options.rule = parse_rule("newton");
  options.threads = 1;
  const FitResult one = fit(random_rows(GetParam().loss, 9000, 6), options);
  options.threads = 3;
  const FitResult three = fit(random_rows(GetParam().loss, 9000, 6), options);
  EXPECT_EQ(one.model.coefficients, three.model.coefficients);
  EXPECT_EQ(one.model.intercept, three.model.intercept);
}

TEST_P(NewtonFit, GoesOnFromACheckpointToTheSameBits) {
  const TemporaryFolder folder;
  FitOptions options = exact(GetParam());
  options.rule = parse_rule("newton");
  const FitResult whole = fit(random_rows(GetParam().loss, 400, 5), options);
  options.checkpoint.folder = folder.path("checkpoint");
  const FitResult begun = fit(random_rows(GetParam().loss, 400, 5), options,
                              [](const FitProgress& now) { return now.step < 1; });
  ASSERT_EQ(begun.termination.reason, Reason::interrupted);
  options.checkpoint.resume = true;
  const FitResult resumed = fit(random_rows(GetParam().loss, 400, 5), options);
  EXPECT_FALSE(resumed.resumed_from.empty());
  EXPECT_EQ(resumed.model.coefficients, whole.model.coefficients);
  EXPECT_EQ(resumed.model.intercept, whole.model.intercept);
  EXPECT_EQ(resumed.steps, whole.steps);
}

TEST_P(NewtonFit, WithoutAnInterceptLeavesItAtZero) {
  FitOptions options = exact(GetParam());
  options.intercept = false;
  const FitResult other = fit(random_rows(GetParam().loss, 300, 7), options);
  options.rule = parse_rule("newton");
  const FitResult newton = fit(random_rows(GetParam().loss, 300, 7), options);
  EXPECT_EQ(newton.model.intercept.back(), 0.0);
  EXPECT_NEAR(newton.at.objective(), other.at.objective(), 1e-11 * other.at.objective());
}

// By differences of gradients, which other tests hold against differences of losses.
TEST_P(NewtonFit, HessianIsTheGradientsDerivative) {
  constexpr double nudge = 1e-5;
  const ProblemShape shape{90, 3, std::holds_alternative<SoftmaxLoss>(GetParam().loss) ? 3 : 1,
                           true};
  const kernels::TrainingData rows = random_data_for(GetParam().loss, shape, 8);
  Dataset held;  // targets and weights as the pass asks for them
  held.schema.columns.resize(3);
  held.features = FeatureMatrix(shape.rows, 3);
  held.targets = rows.targets;
  held.labels = rows.labels;
  held.weights = rows.weights;
  const DatasetRows data(std::move(held));
  train::Scaling scaling;
  scaling.target_mean.assign(static_cast<std::size_t>(shape.outputs), 0.0);
  const std::unique_ptr<kernels::Backend> backend =
      kernels::make_backend(kernels::choose_device(parse_device("cpu"), 1), 1, Precision::fp64);
  backend->hold(random_data_for(GetParam().loss, shape, 8));
  kernels::BankPlan plan;
  plan.loss = GetParam().loss;
  plan.outputs = shape.outputs;
  plan.models.resize(1);
  plan.batch_size = shape.rows;
  plan.allow_normal_equations = false;
  plan.initial = random_parameters(shape.outputs * 4, 0.3, 9);
  backend->start(plan);
  kernels::ThreadPool pool(2);
  const train::RowWeights weights{90.0, 1.0};
  const train::HessianRows passed{data, weights, scaling, shape.rows, 3, shape.outputs};
  const auto hessians = train::mean_loss_hessian(*backend, passed, plan.loss, pool);
  ASSERT_EQ(hessians.size(), 1U);
  for (std::size_t e = 0; e < plan.initial.size(); ++e) {
    std::vector<double> above = plan.initial;
    std::vector<double> below = plan.initial;
    above[e] += nudge;
    below[e] -= nudge;
    const std::vector<double> high = backend->evaluate_at(above).gradient;
    const std::vector<double> low = backend->evaluate_at(below).gradient;
    for (std::size_t o = 0; o < plan.initial.size(); ++o) {
      const double wanted = (high[o] - low[o]) / (2.0 * nudge);
      EXPECT_NEAR(hessians[0](static_cast<Eigen::Index>(e), static_cast<Eigen::Index>(o)), wanted,
                  2e-8)
          << e << " " << o;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Losses, NewtonFit,
    ::testing::Values(NewtonCase{SquaredLoss{}, 0.0}, NewtonCase{HuberLoss{1.0}, 0.0},
                      NewtonCase{HuberLoss{0.02}, 0.01}, NewtonCase{PoissonLoss{}, 0.01},
                      NewtonCase{LogisticLoss{}, 0.0}, NewtonCase{SoftmaxLoss{}, 0.0},
                      NewtonCase{SoftmaxLoss{}, 0.1}),
    [](const auto& given) {
      return std::string(name(given.param.loss)) + (given.param.l2 > 0.0 ? "Penalised" : "");
    });

TEST(NewtonFitChecks, RefusesWhatItCannotDo) {
  const auto refusal = [](auto change) {
    FitOptions options = exact({SquaredLoss{}, 0.0});
    options.rule = parse_rule("newton");
    change(options);
    return thrown_message<OptionError>(
        [&] { static_cast<void>(fit(random_rows(SquaredLoss{}, 40, 1), options)); });
  };
  EXPECT_NE(refusal([](FitOptions& o) { o.loss = QuantileLoss{0.5}; }).find("second derivatives"),
            std::string::npos);
  EXPECT_NE(refusal([](FitOptions& o) { o.batch_size = 10; }).find("--batch-size full"),
            std::string::npos);
  EXPECT_NE(refusal([](FitOptions& o) { o.l1 = 0.1; }).find("--l1"), std::string::npos);
  EXPECT_NE(refusal([](FitOptions& o) { o.learning_rate = 0.1; }).find("--learning-rate"),
            std::string::npos);
  EXPECT_NE(refusal([](FitOptions& o) { o.clip_norm = 1.0; }).find("--clip-norm"),
            std::string::npos);
}

// The point kept is that of the least validation loss, and so is all that is told of it.
TEST(NewtonFitChecks, IsPutBackWithItsScores) {
  FitOptions options = exact({LogisticLoss{}, 1e-4});
  options.rule = parse_rule("newton");
  options.validation = std::make_shared<DatasetRows>(random_rows(LogisticLoss{}, 25, 77));
  options.stop_on_validation = 1;
  const FitResult result = fit(random_rows(LogisticLoss{}, 25, 3), options);
  ASSERT_TRUE(result.softmax);
  EXPECT_NEAR(result.softmax->log_loss, result.at.mean_loss, 1e-9);
}

// Separable classes: no optimum, steps grow for ever.
TEST(NewtonFitChecks, EndsWhereThereIsNoOptimum) {
  Dataset data = random_rows(LogisticLoss{}, 60, 2);
  for (std::int64_t i = 0; i < 60; ++i) {
    data.labels[static_cast<std::size_t>(i)] = data.features.row(i)[0] > 0.0F ? 1 : 0;
  }
  FitOptions options = exact({LogisticLoss{}, 0.0});
  options.rule = parse_rule("newton");
  const FitResult result = fit(std::move(data), options);
  EXPECT_TRUE(std::isfinite(result.at.objective()));
  EXPECT_EQ(result.termination.reason, Reason::separable) << result.termination.inequality;
}

}  // namespace
}  // namespace steepest::tests
