// SPDX-License-Identifier: Apache-2.0
// Every rule under every schedule that theory lets converge, in one bank, on two convex problems
// whose optima are found without the engine.
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>
#include <span>
#include <string_view>

#include "tests/backends.hpp"
#include "tests/problems.hpp"

namespace steepest::tests {
namespace {

using kernels::BankPlan;
using kernels::ModelPlan;

class RuleConvergence : public OnEveryBackend {
 public:
  using OnEveryBackend::make;
  using OnEveryBackend::tolerance;

  [[nodiscard]] static bool takes_batches_only() { return steps_in_blocks(GetParam().engine); }
};

constexpr double l2 = 0.05;
constexpr std::int64_t steps = 600;
const ProblemShape shape{240, 4, 1, true};

// The rows with a 1 appended.
Eigen::MatrixXd design(const kernels::TrainingData& data) {
  Eigen::MatrixXd x(shape.rows, shape.features + 1);
  for (std::int64_t i = 0; i < shape.rows; ++i) {
    for (std::int64_t j = 0; j < shape.features; ++j) {
      x(i, j) = static_cast<double>(data.features.row(i)[j]);
    }
    x(i, shape.features) = 1.0;
  }
  return x;
}

Eigen::MatrixXd ridge() {
  Eigen::MatrixXd diagonal = l2 * Eigen::MatrixXd::Identity(shape.features + 1, shape.features + 1);
  diagonal(shape.features, shape.features) = 0.0;
  return diagonal;
}

double objective(const RowLoss& loss, const kernels::TrainingData& data, const Eigen::VectorXd& w) {
  const std::vector<double> parameters(w.data(), w.data() + w.size());
  return static_cast<double>(plain_mean_loss(loss, data, 1, parameters)) +
         0.5 * l2 * w.head(shape.features).squaredNorm();
}

// Newton's method in double; of squared loss it takes one step.
double optimum(const RowLoss& loss, const kernels::TrainingData& data) {
  const Eigen::MatrixXd x = design(data);
  const auto n = static_cast<double>(shape.rows);
  Eigen::VectorXd w = Eigen::VectorXd::Zero(shape.features + 1);
  for (int iteration = 0; iteration < 30; ++iteration) {
    const Eigen::VectorXd z = x * w;
    Eigen::VectorXd slope(shape.rows);
    Eigen::VectorXd bend(shape.rows);
    for (std::int64_t i = 0; i < shape.rows; ++i) {
      const auto row = static_cast<std::size_t>(i);
      if (classifies(loss)) {
        const double p = 1.0 / (1.0 + std::exp(-z[i]));
        slope[i] = data.weights[row] * (p - data.labels[row]);
        bend[i] = data.weights[row] * p * (1.0 - p);
      } else {
        slope[i] = data.weights[row] * (z[i] - data.targets[row]);
        bend[i] = data.weights[row];
      }
    }
    const Eigen::VectorXd gradient = x.transpose() * slope / n + ridge() * w;
    const Eigen::MatrixXd hessian = x.transpose() * bend.asDiagonal() * x / n + ridge();
    w -= hessian.ldlt().solve(gradient);
  }
  return objective(loss, data, w);
}

struct Case {
  const char* rule;
  const char* schedule;
  double rate;
  double distance;  // of the objective from the optimum at the end, at most
};

// Rates below 1/L for the first six, L about 1.5 (squared). At a constant rate the adaptive rules
// that forget go round the optimum at a distance; all others need no decay.
constexpr double exact = 1e-9;
constexpr double averaged = 3e-5;  // the start fades like 1/t
const Case cases[] = {
    {"gradient", "constant", 0.4, exact},
    {"gradient", "cosine", 0.4, exact},
    {"gradient", "linear", 0.4, exact},
    {"gradient", "wsd", 0.4, exact},
    {"gradient", "inverse_sqrt:timescale=100", 0.4, exact},
    {"gradient", "silver", 0.4, exact},
    {"momentum:0.8", "constant", 0.2, exact},
    {"momentum:0.8", "cosine", 0.2, exact},
    {"momentum:0.8", "wsd", 0.2, exact},
    {"nesterov:0.8", "constant", 0.2, exact},
    {"nesterov:0.8", "linear", 0.2, exact},
    {"accelerated", "constant", 0.4, exact},
    {"accelerated", "cosine", 0.4, exact},
    {"adagrad", "constant", 0.3, exact},
    {"adagrad", "cosine", 0.5, exact},
    {"rmsprop", "cosine", 0.02, 1e-6},
    {"rmsprop", "linear", 0.02, 1e-6},
    {"adam", "cosine", 0.05, 1e-8},
    {"adam", "linear", 0.05, 1e-8},
    {"adam", "wsd", 0.05, 1e-6},
    {"adam", "inverse_sqrt:timescale=100", 0.05, 1e-6},
    {"adamw:0", "cosine", 0.05, 1e-8},
    {"averaged", "constant", 0.4, averaged},
    {"averaged", "inverse_sqrt:timescale=100", 0.4, averaged},
    {"schedule_free:0.9", "constant", 0.4, averaged},
    {"schedule_free:0.5", "constant", 0.4, averaged},
};

// Where the run decides. The star is the optimum; the mean of all points fades like 1/t, and adam
// goes round the optimum at a rate that does not fall.
const Case found_rates[] = {
    {"gradient", "plateau:threshold=0", 0.4, exact},
    {"gradient", "adaptive:threshold=0", 0.4, exact},
    {"gradient", "adagrad_norm", 1.0, exact},
    {"gradient", "barzilai_borwein", 0.4, exact},
    {"gradient", "barzilai_borwein:quotient=short", 0.4, exact},
    {"gradient", "barzilai_borwein:quotient=alternating,memory=1", 40.0, exact},
    {"gradient", "polyak:target=*", 1.0, exact},
    {"gradient", "sps", 0.4, exact},
    {"averaged", "sps", 0.4, averaged},
    {"gradient", "adgd", 0.1, exact},
    {"gradient", "adgd:warmup=5", 0.4, exact},
    {"gradient", "hypergradient", 0.1, exact},
    {"gradient", "hypergradient:form=factor,beta=0.02", 0.1, exact},
    {"gradient", "dog", 1.0, exact},
    {"averaged", "dog", 1.0, 1e-3},
    {"gradient", "d_adaptation", 1.0, exact},
    {"averaged", "d_adaptation", 1.0, 1e-3},
    {"adam", "prodigy", 1.0, 1e-6},
    {"gradient", "armijo", 10.0, exact},
    {"gradient", "armijo:c=0.1,gamma=0.8,growth=1.2", 0.01, exact},
    {"gradient", "sgd_bb:every=4,smoothing=none", 0.4, exact},
    {"gradient", "sgd_bb:every=20", 0.4, 1e-4},
};

void expect_optimum(RuleConvergence& test, std::span<const Case> pairs) {
  for (const RowLoss& loss : {RowLoss(SquaredLoss{}), RowLoss(LogisticLoss{})}) {
    const kernels::TrainingData data = random_data(shape, classifies(loss), 7);
    const double least = optimum(loss, data);
    BankPlan bank;
    bank.loss = loss;
    for (const Case& each : pairs) {
      ModelPlan model;
      model.rule = parse_rule(each.rule);
      const std::string_view text = each.schedule;
      const bool wants_optimum = text.ends_with('*');
      model.schedule = parse_schedule(wants_optimum ? "polyak:target=0" : text);
      model.schedule.target = wants_optimum ? least : 0.0;
      model.schedule.learning_rate = each.rate;
      model.schedule.horizon = steps;
      model.penalty.l2 = l2;
      bank.models.push_back(model);
    }
    const auto backend = test.make();
    backend->hold(random_data(shape, classifies(loss), 7));
    backend->start(bank);
    std::vector<std::vector<kernels::StepRecord>> history(bank.models.size());
    backend->run(steps, history);
    backend->evaluate();
    for (std::size_t k = 0; k < bank.models.size(); ++k) {
      const Case& each = pairs[k];
      const auto model = static_cast<std::int64_t>(k);
      const std::vector<double> found = backend->parameters(model);
      const double at = objective(loss, data, Eigen::Map<const Eigen::VectorXd>(found.data(), 5));
      const std::string what = std::string(name(loss)) + " " + each.rule + " " + each.schedule;
      EXPECT_GE(at, least - 1e-12) << what;
      EXPECT_LE(at, least + std::max(each.distance, test.tolerance(0.0, 1e-6))) << what;
      EXPECT_NEAR(backend->state(model).at.objective(), at, test.tolerance(1e-10, 1e-5)) << what;
    }
  }
}

TEST_P(RuleConvergence, EveryPairReachesTheIndependentOptimum) {
  if (takes_batches_only()) {
    GTEST_SKIP() << "every step of it reads all rows";
  }
  expect_optimum(*this, cases);
}

TEST_P(RuleConvergence, EveryPairWithARateFoundReachesTheIndependentOptimum) {
  if (takes_batches_only()) {
    GTEST_SKIP() << "every step of it reads all rows";
  }
  expect_optimum(*this, found_rates);
}

// Proximal steps, bounds and clipping beside plain models in one bank, on rows and on batches, as
// on the CPU in double.
TEST_P(RuleConvergence, EveryKindOfStepGoesAsOnTheCpuInDouble) {
  for (const std::int64_t batch : {std::int64_t{0}, std::int64_t{50}}) {
    BankPlan bank;
    bank.loss = LogisticLoss{};
    bank.batch_size = batch;
    bank.bounds.assign(5, {-0.02, 0.1});
    bank.bounds.back() = {};
    for (const char* rule : {"gradient", "momentum:0.5", "nesterov:0.8", "adagrad", "rmsprop:0.9",
                             "adam", "adamw:0.1", "averaged", "schedule_free:0.9"}) {
      for (const int kind : {0, 1, 2, 3}) {
        ModelPlan model;
        model.rule = parse_rule(rule);
        model.schedule.learning_rate = 0.1;
        model.schedule.horizon = 30;
        model.penalty.l2 = l2;
        model.penalty.l1 = kind == 1 ? 0.02 : 0.0;
        model.is_bounded = kind == 2;
        model.clip_norm = kind == 3 ? 0.05 : 0.0;
        bank.models.push_back(model);
      }
    }
    const auto run = [&](kernels::Backend& backend) {
      backend.hold(random_data(shape, true, 7));
      backend.start(bank);
      std::vector<std::vector<kernels::StepRecord>> history(bank.models.size());
      backend.run(25, history);
      backend.evaluate();
    };
    const auto cpu = kernels::make_cpu_backend(1, Precision::fp64);
    const auto backend = make();
    run(*cpu);
    run(*backend);
    for (std::int64_t model = 0; model < 36; ++model) {
      const std::vector<double> expected = cpu->parameters(model);
      const std::vector<double> found = backend->parameters(model);
      for (std::size_t e = 0; e < expected.size(); ++e) {
        EXPECT_NEAR(found[e], expected[e], tolerance(1e-11, 2e-5)) << model << " " << e;
        if (model % 4 == 2 && e < 4) {
          EXPECT_LE(found[e], 0.1);
          EXPECT_GE(found[e], -0.02);
        }
      }
      EXPECT_NEAR(backend->state(model).at.objective(), cpu->state(model).at.objective(),
                  tolerance(1e-12, 1e-5));
      EXPECT_NEAR(backend->state(model).at.gradient_max_norm,
                  cpu->state(model).at.gradient_max_norm, tolerance(1e-11, 1e-4));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, RuleConvergence, testing::ValuesIn(batch_backend_cases()),
                         backend_case_name);

}  // namespace
}  // namespace steepest::tests
