// SPDX-License-Identifier: Apache-2.0
#include "src/train/scaling.hpp"

#include <algorithm>
#include <cmath>

namespace steepest::train {
namespace {

// Calls body(first, count) for all rows in order, a few thousand at a time.
template <class Body>
void for_each_block(const RowSource& data, Body body) {
  constexpr std::int64_t block_rows = 8192;
  for (std::int64_t first = 0; first < data.rows(); first += block_rows) {
    body(first, std::min(block_rows, data.rows() - first));
  }
}

// Calls body(weight, targets) for all rows in order; targets is (outputs).
template <class Body>
void for_each_target(const RowSource& data, Body body) {
  RowBuffer buffer;
  const std::int64_t outputs = data.outputs();
  for_each_block(data, [&](std::int64_t first, std::int64_t count) {
    const double* targets = data.targets(first, count, buffer);
    const double* const weights = data.weights(first, count, buffer);
    for (std::int64_t i = 0; i < count; ++i, targets += outputs) {
      body(weights == nullptr ? 1.0 : weights[i], targets);
    }
  });
}

}  // namespace

RowWeights sum_weights(const RowSource& data) {
  RowWeights weights{static_cast<double>(data.rows()), 0.0};
  if (!data.has_weights()) {
    return weights;
  }
  weights.sum = 0.0;
  bool equal = true;
  RowBuffer buffer;
  const double first_weight = *data.weights(0, 1, buffer);
  for_each_block(data, [&](std::int64_t first, std::int64_t count) {
    const double* const values = data.weights(first, count, buffer);
    for (std::int64_t i = 0; i < count; ++i) {
      weights.sum += values[i];
      equal = equal && values[i] == first_weight;
    }
  });
  weights.mean = equal ? 0.0 : weights.sum / static_cast<double>(data.rows());
  return weights;
}

Scaling make_scaling(const ColumnStatistics& statistics, const RowSource& data,
                     const RowWeights& weights, bool standardize, bool intercept) {
  const std::size_t columns = statistics.mean.size();
  Scaling scaling;
  scaling.feature_mean.assign(columns, 0.0);
  scaling.feature_scale.assign(columns, 1.0);
  for (std::size_t j = 0; j < columns; ++j) {
    if (statistics.minimum[j] == statistics.maximum[j]) {
      scaling.feature_mean[j] = intercept ? static_cast<double>(statistics.minimum[j]) : 0.0;
    } else if (standardize) {
      scaling.feature_mean[j] = intercept ? statistics.mean[j] : 0.0;
      scaling.feature_scale[j] = statistics.standard_deviation[j];
    }
  }
  if (data.classifies()) {
    return scaling;
  }
  const auto outputs = static_cast<std::size_t>(data.outputs());
  scaling.target_mean.assign(outputs, 0.0);
  if (intercept) {
    for_each_target(data, [&](double weight, const double* targets) {
      for (std::size_t o = 0; o < outputs; ++o) {
        scaling.target_mean[o] += weight * targets[o];
      }
    });
    for (double& mean : scaling.target_mean) {
      mean /= weights.sum;
    }
  }
  double square = 0.0;
  for_each_target(data, [&](double weight, const double* targets) {
    for (std::size_t o = 0; o < outputs; ++o) {
      const double gap = targets[o] - scaling.target_mean[o];
      square += weight * gap * gap;
    }
  });
  if (square > 0.0) {
    scaling.target_scale = std::sqrt(square / (weights.sum * static_cast<double>(outputs)));
  }
  return scaling;
}

void scale_targets(const Scaling& scaling, std::vector<double>& targets) {
  const std::size_t outputs = scaling.target_mean.size();
  for (std::size_t row = 0; row < targets.size(); row += outputs) {
    for (std::size_t o = 0; o < outputs; ++o) {
      targets[row + o] = (targets[row + o] - scaling.target_mean[o]) / scaling.target_scale;
    }
  }
}

void normalise_weights(const RowWeights& summed, std::vector<double>& weights) {
  if (summed.mean <= 0.0) {
    weights = {};
  }
  for (double& weight : weights) {
    weight /= summed.mean;
  }
}

void fold(const Scaling& scaling, std::int64_t outputs, std::vector<double>& parameters) {
  const std::size_t features = scaling.feature_mean.size();
  for (std::size_t o = 0; o < static_cast<std::size_t>(outputs); ++o) {
    double* column = parameters.data() + o * (features + 1);
    double shift = 0.0;
    for (std::size_t j = 0; j < features; ++j) {
      column[j] *= scaling.target_scale / scaling.feature_scale[j];
      shift += column[j] * scaling.feature_mean[j];
    }
    const double mean = scaling.target_mean.empty() ? 0.0 : scaling.target_mean[o];
    column[features] = column[features] * scaling.target_scale + mean - shift;
  }
}

}  // namespace steepest::train
