// SPDX-License-Identifier: Apache-2.0
// Squared loss by second moments against the same loss by rows.
#include "kernels/normal_equations.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "kernels/backend.hpp"
#include "kernels/loss_gradient.hpp"
#include "kernels/second_moment.hpp"
#include "tests/problems.hpp"

namespace steepest::tests {
namespace {

using namespace kernels;

struct Sums {
  std::vector<double> gradient;
  std::vector<double> loss;
};

Sums total(const Partials& partials, const BankShape& shape) {
  Sums sums{std::vector<double>(static_cast<std::size_t>(shape.elements()), 0.0),
            std::vector<double>(static_cast<std::size_t>(shape.models), 0.0)};
  for (std::int64_t p = 0; p < partials.partitions; ++p) {
    for (std::size_t e = 0; e < sums.gradient.size(); ++e) {
      sums.gradient[e] += partials.gradient[static_cast<std::size_t>(p) * sums.gradient.size() + e];
    }
    for (std::size_t k = 0; k < sums.loss.size(); ++k) {
      sums.loss[k] += partials.loss[static_cast<std::size_t>(p) * sums.loss.size() + k];
    }
  }
  return sums;
}

class NormalEquationsOf : public testing::TestWithParam<ProblemShape> {
 protected:
  NormalEquationsOf() : pool(2), data(random_data(GetParam(), false, 5)), feed(data, 2) {
    bank = BankState::at_start(shape(), std::vector<ModelPlan>(2),
                               random_parameters(shape().elements(), 1.0, 3), {});
  }

  [[nodiscard]] BankShape shape() const { return {GetParam().features, GetParam().outputs, 2}; }

  NormalEquations equations() {
    return {second_moment<double>(feed, RowSelection::all(feed.rows()), GetParam().outputs, pool),
            feed.rows(), GetParam().features, GetParam().outputs};
  }

  Partials by_rows() {
    LossGradient<double> pass;
    Partials partials;
    pass.set_parameters(shape(), bank.parameters[0].data(), 0, shape().columns());
    pass.run(SquaredLoss{}, feed, RowSelection::all(feed.rows()), nullptr, pool, partials);
    return partials;
  }

  void expect_same(const Partials& found, const Partials& wanted, double accuracy) const {
    const Sums a = total(found, shape());
    const Sums b = total(wanted, shape());
    const auto n = static_cast<double>(feed.rows());
    for (std::size_t e = 0; e < a.gradient.size(); ++e) {
      EXPECT_NEAR(a.gradient[e] / n, b.gradient[e] / n, accuracy) << "element " << e;
    }
    for (std::size_t k = 0; k < a.loss.size(); ++k) {
      EXPECT_NEAR(a.loss[k] / n, b.loss[k] / n, accuracy * (1.0 + b.loss[k] / n)) << "model " << k;
    }
  }

  ThreadPool pool;
  TrainingData data;
  MemoryFeed feed;
  BankState bank;
};

TEST_P(NormalEquationsOf, GiveTheLossAndGradientOfTheRows) {
  NormalEquations equations = this->equations();
  Partials partials;
  equations.start(shape());
  equations.pass(bank, false, pool, partials);
  expect_same(partials, by_rows(), 1e-11);
  for (std::int64_t k = 0; k < 2; ++k) {
    const double* const first = bank.parameters_of(k);
    const std::vector<double> model(first, first + shape().elements_per_model());
    const auto plain =
        static_cast<double>(plain_mean_loss(SquaredLoss{}, data, GetParam().outputs, model));
    EXPECT_NEAR(partials.loss[static_cast<std::size_t>(k)] / static_cast<double>(feed.rows()),
                plain, 1e-12 * (1.0 + plain));
  }
}

TEST_P(NormalEquationsOf, AgreeWhereverTheyAreAnchored) {
  NormalEquations equations = this->equations();
  Partials partials;
  equations.start(shape());
  const Partials here = by_rows();
  equations.anchor(bank, here, 0);
  equations.anchor(bank, here, 1);
  equations.pass(bank, false, pool, partials);
  expect_same(partials, here, 1e-15);  // nothing moved: only the order of the sums differs
  for (double& parameter : bank.parameters[0]) {
    parameter = parameter * 0.5 - 0.25;
  }
  equations.pass(bank, false, pool, partials);
  expect_same(partials, by_rows(), 1e-11);
}

TEST_P(NormalEquationsOf, HaveAMomentThatIsSymmetricAndTheSameOnAnyNumberOfThreads) {
  const std::int64_t width = GetParam().features + 1 + GetParam().outputs;
  const RowSelection all = RowSelection::all(feed.rows());
  const std::vector<double> moment = second_moment<double>(feed, all, GetParam().outputs, pool);
  for (std::int64_t i = 0; i < width; ++i) {
    for (std::int64_t j = 0; j < i; ++j) {
      EXPECT_EQ(moment[static_cast<std::size_t>(i * width + j)],
                moment[static_cast<std::size_t>(j * width + i)]);
    }
  }
  for (const int threads : {1, 3, 8}) {
    ThreadPool others(threads);
    MemoryFeed again(data, others.threads());
    EXPECT_EQ(second_moment<double>(again, all, GetParam().outputs, others), moment);
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, NormalEquationsOf,
                         testing::Values(ProblemShape{1, 1, 1}, ProblemShape{700, 3, 1},
                                         ProblemShape{5000, 7, 2, true},
                                         ProblemShape{3000, 29, 1, true}, ProblemShape{900, 64, 3},
                                         ProblemShape{400, 131, 1, true}));

// A run to its tolerance, on second moments or on rows.
struct Outcome {
  ModelState state;
  std::vector<double> parameters;
  bool on_moments = false;
};

Outcome run(const ProblemShape& shape, RuleKind rule, bool moments, std::int64_t most_steps) {
  const auto backend = make_cpu_backend(2, Precision::fp64);
  backend->hold(random_data(shape, false, 11));
  BankPlan plan;
  plan.loss = SquaredLoss{};
  plan.outputs = shape.outputs;
  ModelPlan model;
  model.rule = {rule, 0.9};
  model.schedule.learning_rate = 0.05;
  model.schedule.horizon = most_steps;
  model.tolerances.gradient = 1e-9;
  plan.models = {model};
  plan.most_steps = most_steps;
  plan.allow_normal_equations = moments;
  backend->start(plan);
  std::vector<std::vector<StepRecord>> history(1);
  backend->run(most_steps, history);
  return {backend->state(0), backend->parameters(0), backend->uses_normal_equations()};
}

TEST(NormalEquationsRun, TakesTheStepsThatRowsWouldTake) {
  const ProblemShape shape{2000, 12, 2, true};
  for (const RuleKind rule :
       {RuleKind::gradient, RuleKind::momentum, RuleKind::nesterov, RuleKind::accelerated}) {
    const Outcome moments = run(shape, rule, true, 5000);
    const Outcome rows = run(shape, rule, false, 5000);
    EXPECT_TRUE(moments.on_moments);
    EXPECT_FALSE(rows.on_moments);
    EXPECT_EQ(moments.state.reason, Reason::gradient);
    EXPECT_EQ(rows.state.reason, Reason::gradient);
    EXPECT_NEAR(static_cast<double>(moments.state.step), static_cast<double>(rows.state.step), 1.0);
    EXPECT_LE(moments.state.at.gradient_max_norm, 1e-9);
    for (std::size_t e = 0; e < rows.parameters.size(); ++e) {
      EXPECT_NEAR(moments.parameters[e], rows.parameters[e], 1e-8);
    }
  }
}

// Rows without noise: the loss falls by thirty decimals, which moments alone would lose.
TrainingData data_without_noise(const ProblemShape& shape) {
  TrainingData data = random_data(shape, false, 3);
  for (std::int64_t i = 0; i < shape.rows; ++i) {
    const float* const x = data.features.row(i);
    data.targets[static_cast<std::size_t>(i)] = 2.0 * static_cast<double>(x[0]) -
                                                static_cast<double>(x[1]) +
                                                0.5 * static_cast<double>(x[3]);
  }
  return data;
}

BankPlan gradient_plan(double rate, std::int64_t most_steps, bool moments) {
  BankPlan plan;
  plan.loss = SquaredLoss{};
  ModelPlan model;
  model.rule = {RuleKind::gradient, 0.0};
  model.schedule.learning_rate = rate;
  model.schedule.horizon = most_steps;
  plan.models = {model};
  plan.most_steps = most_steps;
  plan.allow_normal_equations = moments;
  return plan;
}

// Batches of a float engine, whose own sums over all rows are good to seven digits: evaluated
// between epochs on moments, which are sums of doubles, and on rows once a model has ended.
TEST(NormalEquationsEvaluation, IsThatOfDoublesBetweenEpochsAndOfTheRowsAtTheEnd) {
  const ProblemShape shape{3000, 20, 2, true};
  constexpr std::int64_t epochs = 10;
  BankPlan plan;
  plan.loss = SquaredLoss{};
  plan.outputs = shape.outputs;
  ModelPlan model;
  model.rule = {RuleKind::gradient, 0.0};
  model.schedule.learning_rate = 0.05;
  plan.models = {model, model};
  plan.models[1].schedule.learning_rate = 0.01;
  plan.batch_size = 100;
  plan.most_steps = epochs * shape.rows / plan.batch_size;
  const auto train = [&](Precision precision, bool moments, bool ends) {
    const auto backend = make_cpu_backend(2, precision);
    backend->hold(random_data(shape, false, 11));
    BankPlan mine = plan;
    mine.allow_normal_equations = moments;
    backend->start(mine);
    EXPECT_FALSE(backend->uses_normal_equations()) << "no step is taken on them";
    std::vector<std::vector<StepRecord>> history(mine.models.size());
    backend->run(30, history);
    if (ends) {
      backend->stop(1, Reason::interrupted);
    }
    backend->evaluate();
    return std::array{backend->state(0), backend->state(1)};
  };
  const auto moments = train(Precision::fp32, true, true);
  const auto rows = train(Precision::fp32, false, true);
  EXPECT_NE(moments[0].at.mean_loss, rows[0].at.mean_loss);
  EXPECT_NEAR(moments[0].at.mean_loss, rows[0].at.mean_loss, 1e-6 * rows[0].at.mean_loss);
  EXPECT_EQ(moments[1].at.mean_loss, rows[1].at.mean_loss) << "ended";
  EXPECT_EQ(moments[1].at.gradient_max_norm, rows[1].at.gradient_max_norm);
  const auto doubles = train(Precision::fp64, true, false);
  const auto double_rows = train(Precision::fp64, false, false);
  for (int k = 0; k < 2; ++k) {
    const Evaluation& at = doubles[k].at;
    const Evaluation& expected = double_rows[k].at;
    EXPECT_NEAR(at.mean_loss, expected.mean_loss, 1e-12 * expected.mean_loss);
    EXPECT_NEAR(at.penalty, expected.penalty, 1e-12 * expected.penalty);
    EXPECT_NEAR(at.gradient_max_norm, expected.gradient_max_norm,
                1e-11 * expected.gradient_max_norm);
  }
}

// Below what moments can tell, the rows are asked between epochs, too.
TEST(NormalEquationsEvaluation, GoesBackToTheRowsWhereMomentsHaveNoDigitsLeft) {
  const ProblemShape shape{500, 4, 1};
  double early[2] = {};
  double late[2] = {};
  for (const bool moments : {false, true}) {
    const auto backend = make_cpu_backend(2, Precision::fp64);
    backend->hold(data_without_noise(shape));
    BankPlan plan = gradient_plan(0.1, 2000, moments);
    plan.batch_size = 50;
    backend->start(plan);
    std::vector<std::vector<StepRecord>> history(1);
    backend->run(10, history);
    backend->evaluate();
    early[moments ? 1 : 0] = backend->state(0).at.mean_loss;
    backend->run(990, history);
    backend->evaluate();
    late[moments ? 1 : 0] = backend->state(0).at.mean_loss;
  }
  EXPECT_NE(early[0], early[1]) << "summed otherwise, so by moments";
  EXPECT_NEAR(early[0], early[1], 1e-12 * early[0]);
  EXPECT_LT(late[0], 1e-15);
  EXPECT_EQ(late[0], late[1]);
}

// What a sweep reports of a run is what fit reports: by the rows, though nothing has ended the
// model.
TEST(NormalEquationsEvaluation, IsThatOfTheRowsAfterTheLastEpochOfTheBudget) {
  const ProblemShape shape{500, 4, 1};
  double loss[2] = {};
  for (const bool moments : {false, true}) {
    const auto backend = make_cpu_backend(2, Precision::fp64);
    backend->hold(random_data(shape, false, 3));
    BankPlan plan = gradient_plan(0.1, 100, moments);
    plan.batch_size = 50;
    backend->start(plan);
    std::vector<std::vector<StepRecord>> history(1);
    backend->run(100, history);
    backend->evaluate();
    EXPECT_EQ(backend->state(0).reason, Reason::running);
    loss[moments ? 1 : 0] = backend->state(0).at.mean_loss;
  }
  EXPECT_EQ(loss[0], loss[1]);
}

TEST(NormalEquationsRun, EndsByTheLossOnlyWhereTheRowsSaySo) {
  const ProblemShape shape{500, 4, 1};
  std::int64_t steps[2] = {};
  double objective[2] = {};
  for (const bool moments : {false, true}) {
    const auto backend = make_cpu_backend(2, Precision::fp64);
    backend->hold(data_without_noise(shape));
    BankPlan plan = gradient_plan(0.3, 10000, moments);
    plan.models[0].tolerances.gradient = 0.0;
    plan.models[0].tolerances.loss = 1e-6;
    backend->start(plan);
    std::vector<std::vector<StepRecord>> history(1);
    backend->run(10000, history);
    EXPECT_EQ(backend->uses_normal_equations(), moments);
    EXPECT_EQ(backend->state(0).reason, Reason::loss);
    steps[moments ? 1 : 0] = backend->state(0).step;
    objective[moments ? 1 : 0] = backend->state(0).at.mean_loss;
    for (const StepRecord& record : history[0]) {
      EXPECT_GE(record.at.mean_loss, 0.0);
    }
  }
  EXPECT_LT(objective[1], 1e-28);
  EXPECT_NEAR(static_cast<double>(steps[1]), static_cast<double>(steps[0]),
              0.1 * static_cast<double>(steps[0]));
}

TEST(NormalEquationsRun, IsNotWorthItForAFewSteps) {
  EXPECT_FALSE(run({500, 40, 1}, RuleKind::gradient, true, 2).on_moments);
  EXPECT_TRUE(run({500, 40, 1}, RuleKind::gradient, true, 3).on_moments);
}

}  // namespace
}  // namespace steepest::tests
