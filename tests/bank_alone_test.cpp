// SPDX-License-Identifier: Apache-2.0
// A model of a bank has the bits it has alone: for every rule, loss and arithmetic, full batch and
// mini-batches, on rows and on second moments, whatever stands beside it.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "kernels/backend.hpp"
#include "kernels/partitions.hpp"
#include "tests/problems.hpp"

namespace steepest::tests {
namespace {

using kernels::Backend;
using kernels::BankPlan;
using kernels::ModelPlan;

constexpr std::size_t bank_sizes[] = {1, 2, 3, 7, 8, 16, 17};
constexpr std::size_t most_models = 17;

struct Setting {
  ProblemShape shape;
  std::int64_t batch = 0;
  std::int64_t steps = 0;
};

// From one feature to more than are turned, rows that do and do not fill tiles and partitions.
const std::vector<Setting> settings = {
    {{300, 1, 1, false}, 300, 8},  {{2600, 23, 1, true}, 2600, 6}, {{1100, 23, 3, false}, 64, 12},
    {{700, 130, 3, true}, 700, 5}, {{900, 530, 1, false}, 200, 5}, {{5000, 40, 1, true}, 1024, 6},
};

// Every rule that takes a rate, and what a step may end in: an L1 penalty, bounds, clipping.
std::vector<ModelPlan> varied_models(bool full_batch) {
  std::vector<UpdateRule> rules;
  for (const std::string_view text : rule_names()) {
    const UpdateRule rule = parse_rule(text.substr(0, text.find(':')));
    if (rule.kind != RuleKind::lbfgs && (full_batch || rule.kind != RuleKind::accelerated)) {
      rules.push_back(rule);
    }
  }
  const std::vector<std::string_view> schedules = {"constant", "cosine:warmup=2", "silver",
                                                   "adagrad_norm"};
  std::vector<ModelPlan> models;
  for (std::size_t k = 0; k < most_models; ++k) {
    ModelPlan plan;
    plan.rule = rules[k % rules.size()];
    plan.schedule = parse_schedule(schedules[k % schedules.size()]);
    plan.schedule.learning_rate = 0.01 * static_cast<double>(1 + k % 5);
    plan.schedule.horizon = 40;
    plan.penalty.l2 = 0.01 * static_cast<double>(k % 3);
    plan.penalty.l1 = k % 4 == 3 ? 0.002 : 0.0;
    plan.is_bounded = k % 5 == 4;
    plan.clip_norm = k % 6 == 5 ? 0.1 : 0.0;
    models.push_back(plan);
  }
  return models;
}

struct Trained {
  std::vector<double> parameters;
  std::vector<kernels::StepRecord> history;
  kernels::ModelState state;
};

class Bank {
 public:
  Bank(const RowLoss& loss, const Setting& setting, Precision precision, int threads)
      : loss_(loss), setting_(setting), backend_(kernels::make_cpu_backend(threads, precision)) {
    backend_->hold(random_data_for(loss, setting.shape, 21));
  }

  std::vector<Trained> train(std::vector<ModelPlan> models, bool on_moments) {
    BankPlan bank;
    bank.loss = loss_;
    bank.outputs = columns_of(loss_, setting_.shape.outputs);
    bank.batch_size = setting_.batch;
    bank.seed = 5;
    bank.most_steps = 1000;
    bank.allow_normal_equations = on_moments;
    bank.bounds.assign(static_cast<std::size_t>(setting_.shape.features), {-0.02, 0.03});
    bank.bounds.emplace_back();
    bank.models = std::move(models);
    const std::size_t count = bank.models.size();
    backend_->start(std::move(bank));
    std::vector<std::vector<kernels::StepRecord>> history(count);
    backend_->run(setting_.steps, history);
    backend_->evaluate();
    std::vector<Trained> all;
    for (std::size_t k = 0; k < count; ++k) {
      const auto model = static_cast<std::int64_t>(k);
      all.push_back({backend_->parameters(model), history[k], backend_->state(model)});
    }
    return all;
  }

 private:
  RowLoss loss_;
  Setting setting_;
  std::unique_ptr<Backend> backend_;
};

void expect_same(const Evaluation& one, const Evaluation& other) {
  EXPECT_EQ(one.mean_loss, other.mean_loss);
  EXPECT_EQ(one.penalty, other.penalty);
  EXPECT_EQ(one.gradient_max_norm, other.gradient_max_norm);
}

void expect_same(const Trained& one, const Trained& other) {
  EXPECT_EQ(one.parameters, other.parameters);
  EXPECT_EQ(one.state.step, other.state.step);
  EXPECT_EQ(one.state.reason, other.state.reason);
  expect_same(one.state.at, other.state.at);
  ASSERT_EQ(one.history.size(), other.history.size());
  for (std::size_t i = 0; i < one.history.size(); ++i) {
    EXPECT_EQ(one.history[i].learning_rate, other.history[i].learning_rate);
    expect_same(one.history[i].at, other.history[i].at);
  }
}

void expect_banks_like_models_alone(const RowLoss& loss, const Setting& setting,
                                    Precision precision, bool on_moments) {
  const std::vector<ModelPlan> models = varied_models(setting.batch >= setting.shape.rows);
  Bank one(loss, setting, precision, 1);
  std::vector<Trained> alone;
  for (const ModelPlan& model : models) {
    alone.push_back(one.train({model}, on_moments).front());
  }
  for (const int threads : {1, 5}) {
    Bank bank(loss, setting, precision, threads);
    for (const std::size_t count : bank_sizes) {
      SCOPED_TRACE(testing::Message() << count << " models, " << threads << " threads");
      const auto first = models.end() - static_cast<std::ptrdiff_t>(count);
      const std::vector<Trained> together = bank.train({first, models.end()}, on_moments);
      for (std::size_t k = 0; k < count; ++k) {
        SCOPED_TRACE(testing::Message() << "model " << k);
        expect_same(together[k], alone[models.size() - count + k]);
      }
      if (testing::Test::HasFailure()) {
        return;
      }
    }
  }
}

using Case = std::tuple<std::size_t, std::size_t, Precision>;

class ModelsOfABank : public testing::TestWithParam<Case> {};

TEST_P(ModelsOfABank, HaveTheBitsTheyHaveAlone) {
  const auto [setting, loss, precision] = GetParam();
  expect_banks_like_models_alone(every_loss()[loss], settings[setting], precision, false);
}

std::string case_name(const testing::TestParamInfo<Case>& tested) {
  return "shape" + std::to_string(std::get<0>(tested.param)) + "_loss" +
         std::to_string(std::get<1>(tested.param)) + "_" +
         std::string(name(std::get<2>(tested.param)));
}

INSTANTIATE_TEST_SUITE_P(Of, ModelsOfABank,
                         testing::Combine(testing::Range<std::size_t>(0, settings.size()),
                                          testing::Range<std::size_t>(0, every_loss().size()),
                                          testing::Values(Precision::fp64, Precision::fp32)),
                         case_name);

TEST(ModelsOfABankOnMoments, HaveTheBitsTheyHaveAlone) {
  for (const std::size_t setting : {0U, 1U, 3U}) {
    expect_banks_like_models_alone(SquaredLoss{}, settings[setting], Precision::fp64, true);
  }
}

// Targets that a model fits to the last digit: moments fade for some models of the bank and not for
// others, which then go on as if alone.
TEST(ModelsOfABankOnMoments, LoseTheirDigitsAlone) {
  constexpr std::int64_t rows = 400;
  constexpr std::int64_t features = 3;
  kernels::TrainingData data = random_data({rows, features, 1, false}, false, 8);
  for (std::int64_t i = 0; i < rows; ++i) {
    const float* const x = data.features.row(i);
    data.targets[static_cast<std::size_t>(i)] = 2.0 * x[0] - x[1] + 0.5 * x[2];
  }
  const auto backend = kernels::make_cpu_backend(2, Precision::fp64);
  backend->hold(std::move(data));
  const auto train = [&](const std::vector<double>& rates) {
    BankPlan bank;
    bank.batch_size = rows;
    bank.most_steps = 1000;
    for (const double rate : rates) {
      ModelPlan plan;
      plan.schedule.learning_rate = rate;
      plan.tolerances.loss = rate > 0.5 ? 1e-9 : 0.0;
      bank.models.push_back(plan);
    }
    backend->start(bank);
    EXPECT_TRUE(backend->uses_normal_equations());
    std::vector<std::vector<kernels::StepRecord>> history(rates.size());
    backend->run(300, history);
    std::vector<Trained> all;
    for (std::size_t k = 0; k < rates.size(); ++k) {
      const auto model = static_cast<std::int64_t>(k);
      all.push_back({backend->parameters(model), history[k], backend->state(model)});
    }
    return all;
  };
  const std::vector<double> rates = {0.9, 0.01, 0.3, 2.6, 0.002};
  const std::vector<Trained> together = train(rates);
  EXPECT_EQ(together[3].state.reason, Reason::diverged);
  for (std::size_t k = 0; k < rates.size(); ++k) {
    SCOPED_TRACE(rates[k]);
    expect_same(together[k], train({rates[k]}).front());
  }
}

// Where a pass has few partitions, the models are cut into groups that keep all threads at work.
TEST(GroupsOfModels, FillTheThreads) {
  const kernels::BankShape wide{100, 1, 64};
  EXPECT_EQ(kernels::partition_count(100, wide), 1);
  EXPECT_EQ(kernels::group_count(100, wide, 1), 1);
  EXPECT_EQ(kernels::group_count(100, wide, 2), 2);
  EXPECT_EQ(kernels::group_count(100, wide, 16), 8) << "eight columns a group";
  EXPECT_EQ(kernels::group_count(256, wide, 2), 1) << "partitions are enough";
  EXPECT_EQ(kernels::group_count(100, {100, 1, 1}, 16), 1);
}

TEST(Partitions, AreByRowsAndByWork) {
  const kernels::BankShape one{50, 1, 1};
  EXPECT_EQ(kernels::partition_count(200, one), 1);
  EXPECT_EQ(kernels::partition_count(256, one), 2);
  EXPECT_EQ(kernels::partition_count(1024, one), 4);
  EXPECT_EQ(kernels::partition_count(4096, one), 16);
  EXPECT_EQ(kernels::partition_count(std::int64_t{1} << 40, one), 64);
  EXPECT_EQ(kernels::partition_count(256, {4, 1, 1}), 1) << "over before another thread has begun";
  EXPECT_EQ(kernels::partition_count(1024, {1000000, 10, 1}), 1) << "parts of 80 MB";
  const kernels::BankShape images{784, 10, 1};
  EXPECT_EQ(kernels::partition_count(31, images), 1);
  EXPECT_EQ(kernels::partition_count(32, images), 2) << "two parts of 16 rows";
  EXPECT_EQ(kernels::partition_count(767, images), 2);
  EXPECT_EQ(kernels::partition_count(768, images), 3);
  for (const std::int64_t rows : {100, 256, 5000}) {
    EXPECT_EQ(kernels::partition_count(rows, {50, 1, 64}), kernels::partition_count(rows, one));
  }
}

}  // namespace
}  // namespace steepest::tests
