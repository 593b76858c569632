// SPDX-License-Identifier: Apache-2.0
#include "src/cli/metrics_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace steepest::cli {
namespace {

using Named = std::vector<std::pair<const char*, double>>;

Named named(const Metrics& metrics) {
  if (metrics.linear) {
    const LinearMetrics& m = *metrics.linear;
    return {{"mse", m.mse}, {"rmse", m.rmse}, {"mae", m.mae}, {"r2", m.r2}};
  }
  const SoftmaxMetrics& m = *metrics.softmax;
  return {{"log_loss", m.log_loss}, {"accuracy", m.accuracy}, {"ece", m.ece}, {"brier", m.brier}};
}

}  // namespace

Metrics measure(const Model& model, const RowSource& data) {
  constexpr std::int64_t block_rows = 4096;
  const std::int64_t outputs = model.outputs();
  LinearMetricsSum linear(outputs);
  SoftmaxMetricsSum softmax(outputs);
  RowBuffer buffer;
  for (std::int64_t first = 0; first < data.rows(); first += block_rows) {
    const std::int64_t count = std::min(block_rows, data.rows() - first);
    FeatureMatrix block(count, data.feature_count());
    std::copy_n(data.features(first, count, buffer), count * data.feature_count(), block.data());
    const std::vector<double> scores = model.scores(block);
    const double* const weights = data.weights(first, count, buffer);
    if (model.kind == ModelKind::softmax) {
      softmax.add(scores.data(), data.labels(first, count, buffer), weights, count);
    } else {
      linear.add(scores.data(), data.targets(first, count, buffer), weights, count);
    }
  }
  if (model.kind == ModelKind::softmax) {
    return {std::nullopt, softmax.result(), softmax.confusion()};
  }
  return {linear.result(), std::nullopt, {}};
}

Json to_json(const Metrics& metrics) {
  Json json = Json::object();
  for (const auto& [name, value] : named(metrics)) {
    json[name] = json_number(value);
  }
  return json;
}

std::string to_text(const Metrics& metrics) {
  std::string text;
  for (const auto& [name, value] : named(metrics)) {
    text += fmt::format("{}{} {}", text.empty() ? "" : "   ", name,
                        std::isfinite(value) ? fmt::format("{:.6g}", value) : "undefined");
  }
  return text;
}

}  // namespace steepest::cli
