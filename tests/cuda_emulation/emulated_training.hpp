// SPDX-License-Identifier: Apache-2.0
// Banks on random data, trained by the backend of kernels/*.cu on the emulated machine or by
// another.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "kernels/backend.hpp"
#include "tests/problems.hpp"

namespace steepest::tests {

using kernels::Backend;
using kernels::BankPlan;
using kernels::ModelPlan;

using History = std::vector<std::vector<kernels::StepRecord>>;

/// A bank on random data.
struct Problem {
  RowLoss loss;
  ProblemShape shape;
  std::int64_t models = 1;
  std::int64_t batch_size = 0;
  bool preconditioned = false;
};

// Of rules, rates and penalties that differ from model to model.
inline std::vector<ModelPlan> mixed_plans(std::int64_t models) {
  std::vector<ModelPlan> plans(static_cast<std::size_t>(models));
  for (std::size_t k = 0; k < plans.size(); ++k) {
    plans[k].rule = {static_cast<RuleKind>(k % 4), 0.7};
    plans[k].schedule.learning_rate = 0.02 + 0.001 * static_cast<double>(k % 7);
    plans[k].schedule.horizon = 100;
    plans[k].penalty.l2 = k % 2 == 0 ? 0.0 : 0.01;
  }
  return plans;
}

// Diagonal but for one pair of neighbours, positive definite.
inline std::vector<double> small_preconditioner(std::int64_t stride) {
  std::vector<double> matrix(static_cast<std::size_t>(stride * stride));
  for (std::int64_t j = 0; j < stride; ++j) {
    matrix[static_cast<std::size_t>(j * stride + j)] = 1.0 + 0.1 * static_cast<double>(j % 5);
  }
  matrix[1] = 0.25;
  matrix[static_cast<std::size_t>(stride)] = 0.25;
  return matrix;
}

inline void start(Backend& backend, const Problem& problem) {
  backend.hold(random_data(problem.shape, classifies(problem.loss), 21));
  BankPlan bank;
  bank.loss = problem.loss;
  bank.outputs = columns_of(problem.loss, problem.shape.outputs);
  bank.models = mixed_plans(problem.models);
  bank.batch_size = problem.batch_size;
  bank.seed = 5;
  if (problem.preconditioned) {
    bank.preconditioner = small_preconditioner(problem.shape.features + 1);
  }
  backend.start(std::move(bank));
}

// Parameters, scores of a few rows and evaluations of all models, and the history.
inline std::vector<double> train(Backend& backend, const Problem& problem, std::int64_t steps) {
  start(backend, problem);
  History history(static_cast<std::size_t>(problem.models));
  backend.run(steps, history);
  backend.evaluate();
  std::vector<double> all;
  for (std::int64_t model = 0; model < problem.models; ++model) {
    const std::vector<double> parameters = backend.parameters(model);
    all.insert(all.end(), parameters.begin(), parameters.end());
    std::vector<double> scores(
        static_cast<std::size_t>(3 * columns_of(problem.loss, problem.shape.outputs)));
    backend.scores(model, problem.shape.rows / 2, 3, scores.data());
    all.insert(all.end(), scores.begin(), scores.end());
    all.push_back(backend.state(model).at.objective());
    for (const kernels::StepRecord& record : history[static_cast<std::size_t>(model)]) {
      all.push_back(record.at.objective());
    }
  }
  return all;
}

inline std::vector<double> train_emulated(Precision precision, const Problem& problem,
                                          std::int64_t steps, Engine engine = Engine::automatic) {
  return train(*kernels::make_cuda_backend(0, precision, engine), problem, steps);
}

}  // namespace steepest::tests
