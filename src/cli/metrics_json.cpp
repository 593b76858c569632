// SPDX-License-Identifier: Apache-2.0
#include "src/cli/metrics_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "src/model/sum_in_blocks.hpp"
#include "steepest/objective.hpp"

namespace steepest::cli {
namespace {

using Named = std::vector<std::pair<const char*, double>>;

Named named(const Metrics& metrics) {
  if (metrics.linear) {
    const LinearMetrics& m = *metrics.linear;
    Named all = {{"mse", m.mse}, {"rmse", m.rmse}, {"mae", m.mae}, {"r2", m.r2}};
    if (m.pinball_loss) {
      all.emplace_back("pinball_loss", *m.pinball_loss);
    }
    if (m.poisson_deviance) {
      all.emplace_back("poisson_deviance", *m.poisson_deviance);
    }
    return all;
  }
  const SoftmaxMetrics& m = *metrics.softmax;
  return {{"log_loss", m.log_loss}, {"accuracy", m.accuracy}, {"ece", m.ece}, {"brier", m.brier}};
}

// Around the targets that `like` was centred on.
std::vector<PredictionBins> empty_bins(const Diagnostics* like) {
  std::vector<PredictionBins> bins;
  for (std::size_t o = 0; like != nullptr && o < like->outputs.size(); ++o) {
    const GrowingGrid& pairs = like->outputs[o].pairs;
    const std::int64_t half_bins = pairs.bins() / 2;
    const double half = pairs.width() * static_cast<double>(half_bins);
    bins.emplace_back(pairs.lower() + half, half / 3.0);
  }
  return bins;
}

template <class Sum>
std::optional<Diagnostics> wanted(const Sum& sum, const Diagnostics* like) {
  return like == nullptr ? std::nullopt : std::optional(sum.diagnostics());
}

}  // namespace

Metrics measure(const Model& model, const RowSource& data, int threads,
                const Diagnostics* bins_like) {
  kernels::ThreadPool pool(threads);
  std::vector<RowBuffer> buffers(static_cast<std::size_t>(pool.threads()));
  const auto scores_of = [&](std::int64_t first, std::int64_t count, RowBuffer& buffer) {
    FeatureMatrix block(count, data.feature_count());
    std::copy_n(data.features(first, count, buffer), count * data.feature_count(), block.data());
    return model.kind == ModelKind::softmax ? model.calibrated_scores(block)
                                            : model.predictions(block);
  };
  if (model.kind == ModelKind::softmax) {
    SoftmaxMetricsSum sum(model.outputs());
    sum_in_blocks(data.rows(), SoftmaxMetricsSum(model.outputs()), pool, sum,
                  [&](SoftmaxMetricsSum& part, std::int64_t first, std::int64_t count, int worker) {
                    RowBuffer& buffer = buffers[static_cast<std::size_t>(worker)];
                    part.add(scores_of(first, count, buffer).data(),
                             data.labels(first, count, buffer), data.weights(first, count, buffer),
                             count);
                  });
    return {std::nullopt, sum.result(), sum.confusion(), wanted(sum, bins_like)};
  }
  LinearMetricsSum sum(model.outputs(), row_loss_named(model.loss), empty_bins(bins_like));
  sum_in_blocks(data.rows(), LinearMetricsSum(sum), pool, sum,
                [&](LinearMetricsSum& part, std::int64_t first, std::int64_t count, int worker) {
                  RowBuffer& buffer = buffers[static_cast<std::size_t>(worker)];
                  part.add(scores_of(first, count, buffer).data(),
                           data.targets(first, count, buffer), data.weights(first, count, buffer),
                           count);
                });
  return {sum.result(), std::nullopt, {}, wanted(sum, bins_like)};
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
