// SPDX-License-Identifier: Apache-2.0
// Small random problems, and an objective written plainly to hold the engines against.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "kernels/backend.hpp"

namespace steepest::tests {

/// Sizes of a random problem.
struct ProblemShape {
  std::int64_t rows = 0;
  std::int64_t features = 0;
  std::int64_t outputs = 0;
  bool weighted = false;
};

/// Standard normal features (already in the trained scale), targets or labels, weights of mean 1.
inline kernels::TrainingData random_data(const ProblemShape& shape, bool classes, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  kernels::TrainingData data;
  data.features = FeatureMatrix(shape.rows, shape.features);
  std::generate_n(data.features.data(), shape.rows * shape.features,
                  [&] { return static_cast<float>(normal(random)); });
  data.mean.assign(static_cast<std::size_t>(shape.features), 0.0);
  data.scale.assign(static_cast<std::size_t>(shape.features), 1.0);
  const std::int64_t classes_or_two = std::max<std::int64_t>(shape.outputs, 2);
  for (std::int64_t i = 0; i < shape.rows; ++i) {
    if (classes) {
      data.labels.push_back(
          static_cast<std::int32_t>(random() % static_cast<unsigned>(classes_or_two)));
    } else {
      for (std::int64_t o = 0; o < shape.outputs; ++o) {
        data.targets.push_back(normal(random));
      }
    }
  }
  if (shape.weighted) {
    double total = 0.0;
    for (std::int64_t i = 0; i < shape.rows; ++i) {
      data.weights.push_back(static_cast<double>(random() % 4));
      total += data.weights.back();
    }
    for (double& weight : data.weights) {
      weight *= static_cast<double>(shape.rows) / total;
    }
  }
  return data;
}

/// Every row loss, with parameters and without.
inline std::vector<RowLoss> every_loss() {
  static_assert(std::variant_size_v<RowLoss> == 6, "a new loss belongs here");
  return {SquaredLoss{},     HuberLoss{0.7}, QuantileLoss{0.3, 0.5},
          QuantileLoss{0.8}, PoissonLoss{},  LogisticLoss{},
          LogisticLoss{0.2}, SoftmaxLoss{},  SoftmaxLoss{0.1}};
}

/// random_data with targets that the loss can take: counts for poisson.
inline kernels::TrainingData random_data_for(const RowLoss& loss, const ProblemShape& shape,
                                             unsigned seed) {
  kernels::TrainingData data = random_data(shape, classifies(loss), seed);
  for (double& target : data.targets) {
    target =
        std::holds_alternative<PoissonLoss>(loss) ? std::floor(2.0 * std::fabs(target)) : target;
  }
  return data;
}

inline std::vector<double> random_parameters(std::int64_t count, double size, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(0.0, size);
  std::vector<double> parameters(static_cast<std::size_t>(count));
  std::generate(parameters.begin(), parameters.end(), [&] { return normal(random); });
  return parameters;
}

/// The loss of one score against one target, by cases.
inline long double plain_loss(const RowLoss& loss, long double z, long double y) {
  const long double error = y - z;
  const long double size = std::fabs(error);
  if (const auto* const huber = std::get_if<HuberLoss>(&loss)) {
    const long double delta = huber->delta;
    return size <= delta ? error * error / 2 : delta * size - delta * delta / 2;
  }
  if (const auto* const quantile = std::get_if<QuantileLoss>(&loss)) {
    const long double level = quantile->level;
    const long double width = quantile->width;
    const long double slope = error >= 0 ? level : level - 1;
    return size >= width * std::fabs(slope) ? slope * error - width * slope * slope / 2
                                            : error * error / (2 * width);
  }
  if (std::holds_alternative<PoissonLoss>(loss)) {
    return std::exp(z) - y * z + (y > 0 ? y * std::log(y) - y : 0);
  }
  return error * error / 2;
}

/// The mean loss of one model written from its definition in long double, sharing nothing with the
/// engines. `parameters` is (outputs, d + 1).
inline long double plain_mean_loss(const RowLoss& loss, const kernels::TrainingData& data,
                                   std::int64_t outputs, const std::vector<double>& parameters) {
  const std::int64_t d = data.features.columns();
  long double total = 0;
  for (std::int64_t i = 0; i < data.features.rows(); ++i) {
    std::vector<long double> z(static_cast<std::size_t>(outputs));
    for (std::int64_t o = 0; o < outputs; ++o) {
      const double* w = parameters.data() + o * (d + 1);
      z[static_cast<std::size_t>(o)] = w[d];
      for (std::int64_t j = 0; j < d; ++j) {
        z[static_cast<std::size_t>(o)] += static_cast<long double>(w[j]) * data.features.row(i)[j];
      }
    }
    const auto row = static_cast<std::size_t>(i);
    long double value = 0;
    if (!classifies(loss)) {
      for (std::size_t o = 0; o < z.size(); ++o) {
        value += plain_loss(loss, z[o], data.targets[row * z.size() + o]);
      }
    } else if (const auto* const logistic = std::get_if<LogisticLoss>(&loss)) {
      const long double p = data.labels[row] == 1
                                ? 1 - static_cast<long double>(logistic->smoothing) / 2
                                : static_cast<long double>(logistic->smoothing) / 2;
      value = p * std::log1p(std::exp(-z[0])) + (1 - p) * std::log1p(std::exp(z[0]));
    } else {
      const long double smoothing = std::get<SoftmaxLoss>(loss).smoothing;
      long double sum = 0;
      long double mean = 0;
      for (const long double score : z) {
        sum += std::exp(score);
        mean += score / z.size();
      }
      value = std::log(sum) - (1 - smoothing) * z[static_cast<std::size_t>(data.labels[row])] -
              smoothing * mean;
    }
    total += value * (data.weights.empty() ? 1.0 : data.weights[row]);
  }
  return total / data.features.rows();
}

/// Score columns of a loss: one for logistic.
inline std::int64_t columns_of(const RowLoss& loss, std::int64_t outputs) {
  return std::holds_alternative<LogisticLoss>(loss) ? 1 : outputs;
}

/// What to train on random data of a shape; a batch of 0 rows is all of them.
inline kernels::BankPlan bank_of(const RowLoss& loss, const ProblemShape& shape,
                                 std::vector<kernels::ModelPlan> models, std::int64_t batch = 0) {
  kernels::BankPlan bank;
  bank.loss = loss;
  bank.outputs = columns_of(loss, shape.outputs);
  bank.models = std::move(models);
  bank.batch_size = batch;
  bank.seed = 5;
  return bank;
}

}  // namespace steepest::tests
