// SPDX-License-Identifier: Apache-2.0
#include "src/train/held_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/column_statistics.hpp"
#include "steepest/error.hpp"

namespace steepest::train {
namespace {

// max_i w_i (|x_i|^2 + 1) of the rows as they are trained on.
double largest_row_curvature(const RowSource& data, const Scaling& scaling,
                             const RowWeights& weights, kernels::ThreadPool& pool) {
  constexpr std::int64_t block_rows = 2048;
  std::vector<RowBuffer> buffers(static_cast<std::size_t>(pool.threads()));
  std::vector<double> largest(static_cast<std::size_t>(pool.threads()), 0.0);
  const std::int64_t blocks = (data.rows() + block_rows - 1) / block_rows;
  pool.for_each(blocks, [&](std::int64_t block, int thread) {
    const auto worker = static_cast<std::size_t>(thread);
    const std::int64_t first = block * block_rows;
    const std::int64_t count = std::min(block_rows, data.rows() - first);
    const float* row = data.features(first, count, buffers[worker]);
    const double* const row_weights =
        weights.mean > 0.0 ? data.weights(first, count, buffers[worker]) : nullptr;
    for (std::int64_t i = 0; i < count; ++i) {
      double square = 1.0;
      for (std::size_t j = 0; j < scaling.feature_mean.size(); ++j, ++row) {
        const double x =
            (static_cast<double>(*row) - scaling.feature_mean[j]) / scaling.feature_scale[j];
        square += x * x;
      }
      square *= row_weights == nullptr ? 1.0 : row_weights[i] / weights.mean;
      largest[worker] = std::max(largest[worker], square);
    }
  });
  return *std::max_element(largest.begin(), largest.end());
}

// The features move; targets, labels and weights stay.
kernels::TrainingData take_training_data(Dataset& data, const Scaling& scaling,
                                         const RowWeights& weights, kernels::ThreadPool& pool) {
  kernels::TrainingData training;
  training.features = std::move(data.features);
  training.mean = scaling.feature_mean;
  training.scale = scaling.feature_scale;
  training.targets = data.targets;
  scale_targets(scaling, pool, training.targets);
  training.labels = data.labels;
  training.weights = data.weights;
  normalise_weights(weights, training.weights);
  return training;
}

// `beyond_bytes`: see column_beyond_bytes.
void check_storage(const FitOptions& options, RowSource& data, std::int64_t beyond_bytes) {
  if (options.storage == Storage::automatic || options.storage == Storage::float32) {
    return;
  }
  if (data.in_memory() == nullptr) {
    throw OptionError(
        fmt::format("--storage {} is for rows in memory: rows kept in files are float32",
                    name(options.storage)));
  }
  if (options.storage == Storage::uint8 && beyond_bytes >= 0) {
    throw OptionError(fmt::format(
        "--storage uint8 needs whole numbers from 0 to 255, but column \"{}\" has others",
        data.schema().feature_names()[static_cast<std::size_t>(beyond_bytes)]));
  }
}

}  // namespace

HeldData hold_data(std::shared_ptr<RowSource> data, const RowWeights& weights,
                   const FitOptions& options, const RowLoss& loss, std::int64_t columns,
                   bool with_row_curvature) {
  HeldData held;
  held.rows = data->rows();
  held.features = data->feature_count();
  held.weights = weights;
  held.device = kernels::choose_device(options.device, options.threads);
  const bool needs_digits = options.precision == Precision::automatic &&
                            std::holds_alternative<QuantileLoss>(loss);  // which error is above 0?
  held.precision = kernels::resolve_precision(needs_digits ? Precision::fp64 : options.precision,
                                              held.device.kind, columns);
  held.backend =
      kernels::make_backend(held.device, options.threads, held.precision, options.engine);
  if (steps_in_blocks(options.engine) && !with_row_curvature) {
    throw OptionError(fmt::format(
        "--engine {} takes mini-batches, and every step of this run reads all rows: use "
        "--batch-size with fewer, or --engine products",
        name(options.engine)));
  }
  kernels::ThreadPool pool(options.threads);
  const ColumnStatistics statistics =
      data->statistics() != nullptr ? *data->statistics() : kernels::column_statistics(*data, pool);
  check_columns(statistics, *data, options, held.warnings);
  held.feature_mean = statistics.mean;
  held.feature_deviation = statistics.standard_deviation;
  const std::int64_t kept = column_of_intercept(statistics, options.intercept);
  for (std::int64_t j = 0; j < held.features; ++j) {
    const auto column = static_cast<std::size_t>(j);
    if (j != kept && statistics.minimum[column] == statistics.maximum[column]) {
      held.constant_columns.push_back(j);
    }
  }
  const std::int64_t beyond_bytes = column_beyond_bytes(*data, statistics, pool);
  const bool bytes = beyond_bytes < 0;
  held.bytes = bytes;
  check_storage(options, *data, beyond_bytes);
  const Scaling scaling = make_scaling(statistics, *data, weights, loss, options.standardize,
                                       options.intercept, bytes, pool);
  for (std::size_t j = 0; j < scaling.feature_mean.size(); ++j) {
    const double low = static_cast<double>(statistics.minimum[j]) - scaling.feature_mean[j];
    const double high = static_cast<double>(statistics.maximum[j]) - scaling.feature_mean[j];
    held.feature_reach.push_back(std::max(std::fabs(low), std::fabs(high)) /
                                 scaling.feature_scale[j]);
  }
  if (with_row_curvature) {
    held.row_curvature = largest_row_curvature(*data, scaling, weights, pool);
  }
  hold_scaled(data, weights, scaling, options, *held.backend, bytes);
  held.scaling = scaling;
  held.data = std::move(data);
  return held;
}

void hold_scaled(const std::shared_ptr<RowSource>& data, const RowWeights& weights,
                 const Scaling& scaling, const FitOptions& options, kernels::Backend& backend,
                 bool bytes) {
  if (Dataset* const memory = data->in_memory()) {
    kernels::ThreadPool pool(options.threads);
    kernels::TrainingData training = take_training_data(*memory, scaling, weights, pool);
    training.bytes = bytes;
    training.storage = options.storage;
    backend.hold(std::move(training));
  } else {
    backend.hold(kernels::StreamedData{data, scaling.feature_mean, scaling.feature_scale,
                                       scaling.target_mean, scaling.target_scale, bytes,
                                       weights.mean, options.memory_bytes});
  }
}

}  // namespace steepest::train
