// SPDX-License-Identifier: Apache-2.0
#include "src/train/scaling.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace steepest::train {
namespace {

double weight_of(const Dataset& data, std::size_t row) {
  return data.weights.empty() ? 1.0 : data.weights[row];
}

}  // namespace

Scaling make_scaling(const kernels::ColumnStatistics& statistics, const Dataset& data,
                     bool standardize, bool intercept) {
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
  const auto outputs = static_cast<std::size_t>(data.classifies() ? 0 : data.outputs());
  scaling.target_mean.assign(outputs, 0.0);
  double weight = 0.0;
  double square = 0.0;
  const auto rows = static_cast<std::size_t>(data.rows());
  for (std::size_t i = 0; i < rows; ++i) {
    weight += weight_of(data, i);
    for (std::size_t o = 0; intercept && o < outputs; ++o) {
      scaling.target_mean[o] += weight_of(data, i) * data.targets[i * outputs + o];
    }
  }
  for (double& mean : scaling.target_mean) {
    mean /= weight;
  }
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t o = 0; o < outputs; ++o) {
      const double gap = data.targets[i * outputs + o] - scaling.target_mean[o];
      square += weight_of(data, i) * gap * gap;
    }
  }
  if (outputs > 0 && square > 0.0) {
    scaling.target_scale = std::sqrt(square / (weight * static_cast<double>(outputs)));
  }
  return scaling;
}

std::vector<double> scale_targets(const Dataset& data, const Scaling& scaling) {
  std::vector<double> targets = data.targets;
  const std::size_t outputs = scaling.target_mean.size();
  for (std::size_t i = 0; i < targets.size(); ++i) {
    targets[i] = (targets[i] - scaling.target_mean[i % outputs]) / scaling.target_scale;
  }
  return targets;
}

std::vector<double> normalised_weights(const std::vector<double>& weights) {
  if (std::adjacent_find(weights.begin(), weights.end(), std::not_equal_to<>()) == weights.end()) {
    return {};
  }
  const double mean =
      std::accumulate(weights.begin(), weights.end(), 0.0) / static_cast<double>(weights.size());
  std::vector<double> result(weights.size());
  std::transform(weights.begin(), weights.end(), result.begin(),
                 [mean](double weight) { return weight / mean; });
  return result;
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
