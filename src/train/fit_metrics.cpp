// SPDX-License-Identifier: Apache-2.0
#include "src/train/fit_metrics.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

#include "kernels/thread_pool.hpp"
#include "src/model/sum_in_blocks.hpp"

namespace steepest::train {
namespace {

template <class Sum>
void keep_diagnostics(FitState& fit, const Sum& sum) {
  if (fit.options.diagnostics) {
    fit.result.diagnostics = sum.diagnostics();
  }
}

std::vector<PredictionBins> prediction_bins(const FitState& fit) {
  std::vector<PredictionBins> bins;
  for (const double mean : fit.scaling.target_mean) {
    if (fit.options.diagnostics && std::ssize(bins) < Diagnostics::most_outputs) {
      bins.emplace_back(mean, fit.scaling.target_scale);
    }
  }
  return bins;
}

// From scores as trained, (rows, fit.plan.columns), to what metrics take: targets as they were, or
// a score a class.
void predict(const FitState& fit, const double* scores, std::int64_t rows,
             std::vector<double>& predicted) {
  const auto size = static_cast<std::size_t>(rows * fit.plan.columns);
  if (std::holds_alternative<LogisticLoss>(fit.plan.loss)) {
    predicted.assign(size * 2, 0.0);
    for (std::size_t i = 0; i < size; ++i) {
      predicted[2 * i + 1] = scores[i];
    }
    return;
  }
  predicted.assign(scores, scores + size);
  if (fit.scaling.log_link) {
    for (double& value : predicted) {
      value = std::exp(value) * fit.scaling.target_scale;
    }
    return;
  }
  const std::size_t outputs = fit.scaling.target_mean.size();  // none where rows have labels
  for (std::size_t i = 0; outputs > 0 && i < size; i += outputs) {
    for (std::size_t o = 0; o < outputs; ++o) {
      predicted[i + o] = predicted[i + o] * fit.scaling.target_scale + fit.scaling.target_mean[o];
    }
  }
}

// Scores of a few blocks at a time, then the blocks side by side.
template <class Sum, class Add>
void measure(FitState& fit, Sum& sum, Add add) {
  constexpr std::int64_t most_scores = std::int64_t{1} << 20;
  const std::int64_t outputs = fit.result.model.outputs();
  const std::int64_t chunk =
      summed_rows * std::clamp<std::int64_t>(most_scores / (summed_rows * outputs), 1, 64);
  const Sum empty = sum;
  kernels::ThreadPool pool(fit.options.threads);
  std::vector<RowBuffer> buffers(static_cast<std::size_t>(pool.threads()));
  std::vector<std::vector<double>> predicted(buffers.size());
  std::vector<double> scores(
      static_cast<std::size_t>(std::min(chunk, fit.rows) * fit.plan.columns));
  for (std::int64_t first = 0; first < fit.rows; first += chunk) {
    const std::int64_t count = std::min(chunk, fit.rows - first);
    fit.backend->scores(0, first, count, scores.data());
    sum_in_blocks(count, empty, pool, sum,
                  [&](Sum& part, std::int64_t begin, std::int64_t rows, int thread) {
                    const auto worker = static_cast<std::size_t>(thread);
                    predict(fit, scores.data() + begin * fit.plan.columns, rows, predicted[worker]);
                    add(part, predicted[worker].data(), first + begin, rows, buffers[worker]);
                  });
  }
}

}  // namespace

void measure_training(FitState& fit) {
  const std::int64_t outputs = fit.result.model.outputs();
  if (fit.result.model.kind == ModelKind::softmax) {
    SoftmaxMetricsSum sum(outputs);
    measure(fit, sum,
            [&fit](SoftmaxMetricsSum& part, const double* scores, std::int64_t first,
                   std::int64_t count, RowBuffer& buffer) {
              part.add(scores, fit.data->labels(first, count, buffer),
                       fit.data->weights(first, count, buffer), count);
            });
    fit.result.softmax = sum.result();
    keep_diagnostics(fit, sum);
  } else {
    LinearMetricsSum sum(outputs, fit.given.loss, prediction_bins(fit));
    measure(fit, sum,
            [&fit](LinearMetricsSum& part, const double* scores, std::int64_t first,
                   std::int64_t count, RowBuffer& buffer) {
              part.add(scores, fit.data->targets(first, count, buffer),
                       fit.data->weights(first, count, buffer), count);
            });
    fit.result.linear = sum.result();
    keep_diagnostics(fit, sum);
  }
}

void read_features(FitState& fit, std::int64_t first, std::int64_t count, RowBuffer& buffer,
                   float* out) {
  if (fit.data->in_memory() == nullptr) {
    std::copy_n(fit.data->features(first, count, buffer), count * fit.features, out);
    return;
  }
  fit.backend->trained_rows(first, count, out);
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < fit.scaling.feature_mean.size(); ++j, ++out) {
      const double value =
          static_cast<double>(*out) * fit.scaling.feature_scale[j] + fit.scaling.feature_mean[j];
      *out = static_cast<float>(fit.bytes ? std::round(value) : value);
    }
  }
}

}  // namespace steepest::train
