// SPDX-License-Identifier: Apache-2.0
// The engines that take many mini-batch steps in one launch, against the engine of products and the
// CPU: rules, schedules, shapes, ends, and what it refuses.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "steepest/error.hpp"
#include "tests/backends.hpp"
#include "tests/problems.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

using kernels::Backend;
using kernels::BankPlan;
using kernels::ModelPlan;

using History = std::vector<std::vector<kernels::StepRecord>>;

class BlockEngine : public OnEveryBackend {
 protected:
  [[nodiscard]] std::unique_ptr<Backend> products() const {
    return kernels::make_cuda_backend(0, GetParam().precision, Engine::products);
  }
  [[nodiscard]] static std::string engine() { return std::string(name(GetParam().engine)); }
};

ModelPlan plan_of(const std::string& rule, const std::string& schedule, double rate) {
  ModelPlan plan;
  plan.rule = parse_rule(rule);
  plan.schedule = parse_schedule(schedule);
  plan.schedule.learning_rate = rate;
  plan.schedule.horizon = 40;
  return plan;
}

/// What a run leaves: parameters, states and records of every model.
struct Ran {
  std::vector<std::vector<double>> parameters;
  std::vector<kernels::ModelState> states;
  History history;
};

// Runs the portions one after the other.
Ran run(Backend& backend, const BankPlan& bank, kernels::TrainingData data,
        const std::vector<std::int64_t>& portions) {
  backend.hold(std::move(data));
  backend.start(bank);
  Ran ran;
  ran.history.resize(bank.models.size());
  for (const std::int64_t steps : portions) {
    backend.run(steps, ran.history);
  }
  for (std::size_t k = 0; k < bank.models.size(); ++k) {
    ran.parameters.push_back(backend.parameters(static_cast<std::int64_t>(k)));
    ran.states.push_back(backend.state(static_cast<std::int64_t>(k)));
  }
  return ran;
}

// Relative to the larger of 1 and the number expected; a NaN is far from everything.
void expect_near(double found, double expected, double tolerance, const std::string& where) {
  EXPECT_LE(std::fabs(found - expected), tolerance * std::fmax(1.0, std::fabs(expected)))
      << where << ": " << found << " is not " << expected;
}

void expect_alike(const Ran& found, const Ran& expected, double tolerance,
                  const std::string& where) {
  ASSERT_EQ(found.parameters.size(), expected.parameters.size());
  for (std::size_t k = 0; k < found.parameters.size(); ++k) {
    const std::string model = where + " model " + std::to_string(k);
    ASSERT_EQ(found.history[k].size(), expected.history[k].size()) << model;
    EXPECT_EQ(found.states[k].step, expected.states[k].step) << model;
    EXPECT_EQ(found.states[k].reason, expected.states[k].reason) << model;
    for (std::size_t e = 0; e < found.parameters[k].size(); ++e) {
      expect_near(found.parameters[k][e], expected.parameters[k][e], tolerance,
                  model + " parameter " + std::to_string(e));
    }
    for (std::size_t s = 0; s < found.history[k].size(); ++s) {
      const kernels::StepRecord& one = found.history[k][s];
      const kernels::StepRecord& other = expected.history[k][s];
      const std::string step = model + " step " + std::to_string(s);
      EXPECT_EQ(one.step, other.step) << step;
      expect_near(one.learning_rate, other.learning_rate, tolerance, step + " rate");
      expect_near(one.at.mean_loss, other.at.mean_loss, tolerance, step + " loss");
      expect_near(one.at.penalty, other.at.penalty, tolerance, step + " penalty");
      expect_near(one.at.gradient_max_norm, other.at.gradient_max_norm, tolerance,
                  step + " gradient");
      expect_near(one.at.step_max_norm, other.at.step_max_norm, tolerance, step + " step");
    }
  }
}

void expect_same_bits(const Ran& found, const Ran& expected) {
  EXPECT_EQ(found.parameters, expected.parameters);
  ASSERT_EQ(found.history.size(), expected.history.size());
  for (std::size_t k = 0; k < found.history.size(); ++k) {
    ASSERT_EQ(found.history[k].size(), expected.history[k].size()) << k;
    EXPECT_EQ(found.states[k].step, expected.states[k].step) << k;
    EXPECT_EQ(found.states[k].current, expected.states[k].current) << k;
    for (std::size_t s = 0; s < found.history[k].size(); ++s) {
      const kernels::StepRecord& one = found.history[k][s];
      const kernels::StepRecord& other = expected.history[k][s];
      EXPECT_EQ(one.step, other.step);
      EXPECT_EQ(one.learning_rate, other.learning_rate);
      EXPECT_EQ(one.at.mean_loss, other.at.mean_loss);
      EXPECT_EQ(one.at.penalty, other.at.penalty);
      EXPECT_EQ(one.at.gradient_max_norm, other.at.gradient_max_norm);
      EXPECT_EQ(one.at.step_max_norm, other.at.step_max_norm);
    }
  }
}

// Every rule under every kind of step: plain, with l1, within bounds, clipped.
std::vector<ModelPlan> every_rule() {
  std::vector<ModelPlan> models;
  for (const char* rule : {"gradient", "momentum:0.8", "nesterov:0.8", "accelerated", "adagrad",
                           "rmsprop:0.9", "adam", "adamw:0.1", "averaged", "schedule_free:0.9"}) {
    for (const int kind : {0, 1, 2, 3}) {
      ModelPlan model = plan_of(rule, "cosine:warmup=3", 0.05);
      model.penalty.l2 = 0.01;
      model.penalty.l1 = kind == 1 ? 0.02 : 0.0;
      model.is_bounded = kind == 2;
      model.clip_norm = kind == 3 ? 0.05 : 0.0;
      model.has_intercept = kind != 3;
      models.push_back(model);
    }
  }
  return models;
}

std::vector<ModelPlan> every_schedule() {
  std::vector<ModelPlan> models;
  for (const char* schedule :
       {"constant", "step:every=5,gamma=0.5", "multistep:milestones=4+9,gamma=0.5",
        "exponential:gamma=0.9", "cosine", "wsd", "one_cycle", "triangular:period=6", "silver",
        "tanh", "piecewise:milestones=5+10,factors=0.5+0.1", "constant:until=6/cosine",
        "plateau:patience=1", "adagrad_norm", "adaptive:patience=2", "risk_adaptive"}) {
    for (const char* rule : {"gradient", "adam"}) {
      models.push_back(plan_of(rule, schedule, 0.05));
    }
  }
  for (const char* schedule : {"sps", "hypergradient", "hypergradient:form=factor,beta=0.05",
                               "dog:start=0.01", "d_adaptation:start=0.01", "polyak:target=0.1"}) {
    for (const char* rule : {"gradient", "averaged"}) {
      models.push_back(plan_of(rule, schedule, 0.3));
    }
  }
  models.push_back(plan_of("adam", "prodigy:start=0.01", 0.3));
  for (ModelPlan& model : models) {
    model.penalty.l2 = 0.02;
  }
  return models;
}

// Batches that one block takes or two of a grid, and that the blocks of a cluster share where a GPU
// has them, or four and more of a grid; the last of an epoch leaves some of these blocks without a
// row.
constexpr std::int64_t batches[] = {32, 147};

TEST_P(BlockEngine, EveryRuleGoesAsWithProducts) {
  const ProblemShape shape{150, 6, 3, true};
  for (const std::int64_t batch : batches) {
    BankPlan bank = bank_of(SoftmaxLoss{}, shape, every_rule(), batch);
    bank.bounds.assign(7, {-0.02, 0.1});
    bank.bounds.back() = {};
    const auto data = [&] { return random_data(shape, true, 7); };
    const Ran found = run(*make(), bank, data(), {22});
    expect_alike(found, run(*products(), bank, data(), {22}), tolerance(1e-11, 2e-5),
                 "batch " + std::to_string(batch));
  }
}

TEST_P(BlockEngine, EveryScheduleGoesAsWithProducts) {
  const ProblemShape shape{150, 5, 1, true};
  for (const std::int64_t batch : batches) {
    BankPlan bank = bank_of(LogisticLoss{}, shape, every_schedule(), batch);
    // Not at 0, where residuals are halves that can cancel to rounding, which adam would step
    // along.
    bank.initial = random_parameters(std::ssize(bank.models) * 6, 0.1, 4);
    const auto data = [&] { return random_data(shape, true, 7); };
    const Ran found = run(*make(), bank, data(), {15});
    expect_alike(found, run(*products(), bank, data(), {15}), tolerance(1e-9, 2e-3),
                 "batch " + std::to_string(batch));
  }
}

// Also against the CPU, whose order of rows must be the very same.
TEST_P(BlockEngine, EveryShapeGoesAsWithProductsAndOnTheCpu) {
  for (const std::int64_t features : {1, 31, 100, 784}) {
    for (const std::int64_t outputs : {1, 3, 10}) {
      for (const std::int64_t batch : {1, 32, 33, 256}) {
        const ProblemShape shape{300, features, outputs, true};
        const RowLoss loss = outputs == 1 ? RowLoss(SquaredLoss{}) : RowLoss(SoftmaxLoss{});
        const double rate = 0.3 / static_cast<double>(features + 1);
        const BankPlan bank =
            bank_of(loss, shape, {plan_of("momentum:0.5", "cosine", rate)}, batch);
        const std::string where = std::to_string(features) + " features, " +
                                  std::to_string(outputs) + " outputs, batch " +
                                  std::to_string(batch);
        const auto data = [&] { return random_data_for(loss, shape, 7); };
        const Ran found = run(*make(), bank, data(), {11});
        expect_alike(found, run(*products(), bank, data(), {11}), tolerance(1e-11, 1e-4), where);
        expect_alike(found, run(*kernels::make_cpu_backend(1, Precision::fp64), bank, data(), {11}),
                     tolerance(1e-11, 1e-4), where);
      }
    }
  }
}

TEST_P(BlockEngine, EveryLossGoesAsWithProducts) {
  for (const RowLoss& loss : every_loss()) {
    const ProblemShape shape{120, 9, 4, true};
    const BankPlan bank = bank_of(loss, shape, {plan_of("gradient", "constant", 0.02)}, 50);
    const auto data = [&] { return random_data_for(loss, shape, 3); };
    const Ran found = run(*make(), bank, data(), {9});
    expect_alike(found, run(*products(), bank, data(), {9}), tolerance(1e-11, 2e-5),
                 to_string(loss));
  }
}

// Neighbours that the order keeps together, and a run that starts at a later step.
TEST_P(BlockEngine, DrawsTheRowsOfTheSameOrder) {
  const ProblemShape shape{203, 4, 1};
  BankPlan bank = bank_of(SquaredLoss{}, shape, {plan_of("gradient", "constant", 1e-9)}, 20);
  bank.together = 8;
  bank.first_step = 37;
  const Ran found = run(*make(), bank, random_data(shape, false, 7), {25});
  const Ran expected =
      run(*kernels::make_cpu_backend(1, Precision::fp64), bank, random_data(shape, false, 7), {25});
  expect_alike(found, expected, tolerance(1e-12, 1e-5), "");
}

TEST_P(BlockEngine, StepsHaveTheSameBitsHoweverTheyArePortioned) {
  const ProblemShape shape{150, 6, 3, true};
  BankPlan bank = bank_of(SoftmaxLoss{}, shape, every_rule(), 40);
  bank.bounds.assign(7, {-0.02, 0.1});
  const auto data = [&] { return random_data(shape, true, 7); };
  const Ran whole = run(*make(), bank, data(), {64});
  expect_same_bits(run(*make(), bank, data(), {64}), whole);
  expect_same_bits(run(*make(), bank, data(), {1, 63}), whole);
  expect_same_bits(run(*make(), bank, data(), std::vector<std::int64_t>(64, 1)), whole);
  bank = bank_of(LogisticLoss{}, {150, 6, 1, true}, every_schedule(), 147);
  const Ran schedules = run(*make(), bank, random_data({150, 6, 1, true}, true, 7), {30});
  expect_same_bits(run(*make(), bank, random_data({150, 6, 1, true}, true, 7), {1, 7, 22}),
                   schedules);
}

TEST_P(BlockEngine, AModelHasItsBitsWhateverStandsBesideIt) {
  const ProblemShape shape{150, 6, 3, true};
  for (const std::int64_t batch : batches) {
    BankPlan bank = bank_of(SoftmaxLoss{}, shape, every_rule(), batch);
    bank.bounds.assign(7, {-0.02, 0.1});
    const Ran together = run(*make(), bank, random_data(shape, true, 7), {12});
    for (const std::size_t k : {std::size_t{0}, std::size_t{9}, std::size_t{18}, std::size_t{39}}) {
      BankPlan alone = bank;
      alone.models = {bank.models[k]};
      const Ran ran = run(*make(), alone, random_data(shape, true, 7), {12});
      EXPECT_EQ(ran.parameters[0], together.parameters[k]) << k;
    }
  }
}

// One diverges at once, one after some steps, one was stopped before, one is stopped on the way,
// one looks ahead at detours; the others do not notice.
void expect_ends_alone(Backend& chosen, std::int64_t batch) {
  const ProblemShape shape{150, 6, 1};
  std::vector<ModelPlan> models(7, plan_of("momentum:0.8", "cosine", 0.05));
  models[1] = plan_of("gradient", "constant", 1e200);
  models[2] = plan_of("momentum:0.9", "constant", 1e7);
  models[5] = plan_of("nesterov:0.9", "constant", 1e7);
  models[5].penalty.l1 = 0.01;
  const BankPlan bank = bank_of(SquaredLoss{}, shape, models, batch);
  Backend* const backend = &chosen;
  backend->hold(random_data(shape, false, 7));
  backend->start(bank);
  History history(7);
  backend->stop(3, Reason::seconds);
  backend->run(20, history);
  backend->stop(4, Reason::epochs);
  backend->run(200, history);
  backend->evaluate();
  const std::vector<double> running = backend->parameters(0);
  EXPECT_EQ(history[0].size(), 220U);
  EXPECT_EQ(backend->parameters(6), running);
  EXPECT_EQ(backend->state(0).reason, Reason::running);
  EXPECT_EQ(history[3].size(), 0U);
  EXPECT_EQ(history[4].size(), 20U);
  EXPECT_EQ(backend->state(4).reason, Reason::epochs);
  EXPECT_EQ(backend->state(4).step, 20);
  EXPECT_EQ(history[1].size(), static_cast<std::size_t>(backend->state(1).step + 1));
  for (const std::int64_t model : {1, 2, 5}) {
    EXPECT_EQ(backend->state(model).reason, Reason::diverged) << model;
    EXPECT_LT(backend->state(model).step, 220) << model;
    for (const double parameter : backend->parameters(model)) {
      EXPECT_TRUE(std::isfinite(parameter)) << model;
    }
  }
}

TEST_P(BlockEngine, ModelsThatEndLeaveTheOthersAlone) {
  for (const std::int64_t batch : batches) {
    SCOPED_TRACE(batch);
    expect_ends_alone(*make(), batch);
  }
}

TEST_P(BlockEngine, StandsExtremeScores) {
  for (const double size : {1e3, 1e4}) {
    kernels::TrainingData data = random_data({40, 1, 3}, true, 3);
    for (std::int64_t i = 0; i < 40; ++i) {
      data.features.data()[i] = i % 2 == 0 ? 1.0F : -1.0F;
    }
    BankPlan bank = bank_of(SoftmaxLoss{}, {40, 1, 3}, {plan_of("gradient", "constant", 1e-12)}, 7);
    bank.initial = {size, 0.0, -size, 0.0, 0.0, 0.0};
    const Ran ran = run(*make(), bank, std::move(data), {12});
    EXPECT_EQ(ran.states[0].reason, Reason::running);
    for (const kernels::StepRecord& record : ran.history[0]) {
      EXPECT_TRUE(std::isfinite(record.at.mean_loss));
      EXPECT_LE(record.at.mean_loss, 2 * size);
      EXPECT_LE(record.at.gradient_max_norm, 1.0);
    }
  }
}

TEST_P(BlockEngine, RefusesWhatItCannotTake) {
  const auto refusal = [&](const ProblemShape& shape, const RowLoss& loss, std::int64_t batch,
                           const std::string& schedule, bool preconditioned) {
    BankPlan bank = bank_of(loss, shape, {plan_of("gradient", schedule, 0.1)}, batch);
    if (preconditioned) {
      const std::int64_t stride = shape.features + 1;
      bank.preconditioner.assign(static_cast<std::size_t>(stride * stride), 0.0);
    }
    const auto backend = make();
    backend->hold(random_data(shape, classifies(loss), 1));
    return thrown_message<OptionError>([&] { backend->start(bank); });
  };
  EXPECT_NE(refusal({132'000, 3, 1}, SquaredLoss{}, 131'073, "constant", false)
                .find("engine " + engine() + " takes batches of at most "),
            std::string::npos);
  EXPECT_NE(refusal({50, 4000, 10}, SoftmaxLoss{}, 32, "constant", false)
                .find("4000 features, 10 outputs and 32 rows a step need"),
            std::string::npos);
  EXPECT_NE(refusal({50, 3, 1}, SquaredLoss{}, 32, "barzilai_borwein", false)
                .find("takes no schedule that takes steps back"),
            std::string::npos);
  EXPECT_NE(refusal({50, 3, 1}, SquaredLoss{}, 32, "sgd_bb:every=2", false).find("sgd_bb"),
            std::string::npos);
  EXPECT_NE(refusal({50, 3, 1}, SquaredLoss{}, 32, "constant", true).find("preconditioner"),
            std::string::npos);
}

TEST_P(BlockEngine, AFitOfAllRowsAtEveryStepIsRefused) {
  const auto data = [] {
    Dataset made;
    made.features = FeatureMatrix(20, 1);
    for (std::int64_t i = 0; i < 20; ++i) {
      made.features.row(i)[0] = static_cast<float>(i % 7);
      made.targets.push_back(static_cast<double>(i % 5));
    }
    FeatureColumn column;
    column.name = "x";
    made.schema.columns.push_back(column);
    made.schema.target_names = {"y"};
    return made;
  };
  FitOptions options = fit_options();
  const std::string refused = "--engine " + engine() +
                              " takes mini-batches, and every step of this run reads all rows: use "
                              "--batch-size with fewer, or --engine products";
  EXPECT_EQ(thrown_message<OptionError>([&] { return fit(data(), options); }), refused);
  options.batch_size = 20;
  EXPECT_EQ(thrown_message<OptionError>([&] { return fit(data(), options); }), refused);
  options.batch_size = 5;
  options.epochs = 3;
  const FitResult result = fit(data(), options);
  EXPECT_EQ(result.engine, GetParam().engine);
  EXPECT_EQ(result.steps, 12);
}

INSTANTIATE_TEST_SUITE_P(
    Backends, BlockEngine,
    testing::Values(BackendCase{DeviceKind::cuda, Precision::fp64, Engine::block},
                    BackendCase{DeviceKind::cuda, Precision::fp32, Engine::block},
                    BackendCase{DeviceKind::cuda, Precision::fp64, Engine::grid},
                    BackendCase{DeviceKind::cuda, Precision::fp32, Engine::grid}),
    backend_case_name);

}  // namespace
}  // namespace steepest::tests
