// SPDX-License-Identifier: Apache-2.0
#include "src/train/scaling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>

#include "kernels/standardize.hpp"
#include "src/model/sum_in_blocks.hpp"
#include "steepest/error.hpp"

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

// Sums over rows, one an output.
struct OutputSums {
  std::vector<double> values;

  explicit OutputSums(std::size_t outputs) : values(outputs, 0.0) {}
  void merge(const OutputSums& other) {
    for (std::size_t o = 0; o < values.size(); ++o) {
      values[o] += other.values[o];
    }
  }
};

// sum_i w_i term(y_io, o) for every output o.
template <class Term>
OutputSums sum_over_targets(const RowSource& data, kernels::ThreadPool& pool, Term term) {
  const auto outputs = static_cast<std::size_t>(data.outputs());
  OutputSums total(outputs);
  std::vector<RowBuffer> buffers(static_cast<std::size_t>(pool.threads()));
  sum_in_blocks(data.rows(), OutputSums(outputs), pool, total,
                [&](OutputSums& sum, std::int64_t first, std::int64_t count, int worker) {
                  RowBuffer& buffer = buffers[static_cast<std::size_t>(worker)];
                  const double* targets = data.targets(first, count, buffer);
                  const double* const weights = data.weights(first, count, buffer);
                  for (std::size_t o = 0; o < outputs; ++o) {
                    double mine = 0.0;
                    for (std::int64_t i = 0; i < count; ++i) {
                      const double y = targets[static_cast<std::size_t>(i) * outputs + o];
                      mine += (weights == nullptr ? 1.0 : weights[i]) * term(y, o);
                    }
                    sum.values[o] = mine;
                  }
                });
  return total;
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

std::int64_t column_beyond_bytes(const RowSource& data, const ColumnStatistics& statistics,
                                 kernels::ThreadPool& pool) {
  constexpr float largest_byte = 255.0F;
  constexpr std::int64_t block_rows = 2048;
  const auto is_byte = [](float value) {
    return value >= 0.0F && value <= largest_byte && value == std::floor(value);
  };
  const std::int64_t columns = data.feature_count();
  for (std::int64_t j = 0; j < columns; ++j) {
    const auto index = static_cast<std::size_t>(j);
    if (!is_byte(statistics.minimum[index]) || !is_byte(statistics.maximum[index])) {
      return j;
    }
  }
  const std::int64_t none = data.rows() * columns;
  std::atomic<std::int64_t> first_other{none};
  std::vector<RowBuffer> buffers(static_cast<std::size_t>(pool.threads()));
  pool.for_each((data.rows() + block_rows - 1) / block_rows, [&](std::int64_t block, int worker) {
    const std::int64_t first = block * block_rows;
    if (first * columns > first_other) {
      return;
    }
    const std::int64_t count = std::min(block_rows, data.rows() - first);
    const float* const rows =
        data.features(first, count, buffers[static_cast<std::size_t>(worker)]);
    const float* const end = rows + count * columns;
    const float* const other = std::find_if_not(rows, end, is_byte);
    if (other != end) {
      const std::int64_t place = first * columns + (other - rows);
      std::int64_t known = first_other;
      while (place < known && !first_other.compare_exchange_weak(known, place)) {
      }
    }
  });
  return first_other == none ? -1 : first_other % columns;
}

namespace {

// Throws InputError that names the first target below 0.
void require_counts(const RowSource& data) {
  const std::int64_t outputs = data.outputs();
  RowBuffer buffer;
  for_each_block(data, [&](std::int64_t first, std::int64_t count) {
    const double* const targets = data.targets(first, count, buffer);
    for (std::int64_t i = 0; i < count * outputs; ++i) {
      if (targets[i] < 0.0) {
        throw InputError(fmt::format(
            "target \"{}\" is {:g} in row {} of those to fit: loss poisson is for counts, "
            "numbers of 0 or more",
            data.schema().target_names[static_cast<std::size_t>(i % outputs)], targets[i],
            first + i / outputs + 1));
      }
    }
  });
}

// Counts are divided by their mean over rows and outputs, which the intercepts make up for.
void scale_counts(const RowSource& data, const RowWeights& weights, bool intercept,
                  kernels::ThreadPool& pool, Scaling& scaling) {
  require_counts(data);
  scaling.log_link = true;
  if (!intercept) {
    return;
  }
  const OutputSums sums =
      sum_over_targets(data, pool, [](double y, std::size_t /*output*/) { return y; });
  for (std::size_t o = 0; o < sums.values.size(); ++o) {
    if (!(sums.values[o] > 0.0)) {
      throw InputError(
          fmt::format("target \"{}\" is 0 in every row: the intercept of a poisson model would "
                      "fall without end",
                      data.schema().target_names[o]));
    }
  }
  const double total = std::accumulate(sums.values.begin(), sums.values.end(), 0.0);
  scaling.target_scale = total / (weights.sum * static_cast<double>(sums.values.size()));
  scaling.units.loss = scaling.target_scale;
  scaling.units.gradient = scaling.target_scale;
  scaling.units.penalty = 1.0 / scaling.target_scale;
}

// Of a target standardized with deviation t.
Units units_of(const RowLoss& loss, double t) {
  if (std::holds_alternative<QuantileLoss>(loss)) {
    return {t, t, 1.0, t};
  }
  return {t * t, t, t, 1.0};
}

}  // namespace

RowLoss trained_loss(const RowLoss& loss, const Scaling& scaling) {
  RowLoss trained = loss;
  if (auto* const huber = std::get_if<HuberLoss>(&trained)) {
    huber->delta /= scaling.target_scale;
  } else if (auto* const quantile = std::get_if<QuantileLoss>(&trained)) {
    quantile->width /= scaling.target_scale;
  }
  return trained;
}

double trained_l2(double l2, const Scaling& scaling) { return l2 * scaling.units.penalty; }

Schedule trained_schedule(Schedule schedule, const Scaling& scaling) {
  schedule.target /= scaling.loss_unit();
  return schedule;
}

std::int64_t column_of_intercept(const ColumnStatistics& statistics, bool intercept) {
  for (std::size_t j = 0; !intercept && j < statistics.minimum.size(); ++j) {
    if (statistics.minimum[j] == statistics.maximum[j] && statistics.minimum[j] != 0.0F) {
      return static_cast<std::int64_t>(j);
    }
  }
  return -1;
}

Scaling make_scaling(const ColumnStatistics& statistics, const RowSource& data,
                     const RowWeights& weights, const RowLoss& loss, bool standardize,
                     bool intercept, bool bytes, kernels::ThreadPool& pool) {
  const std::size_t columns = statistics.mean.size();
  const std::int64_t kept = column_of_intercept(statistics, intercept);
  Scaling scaling;
  scaling.feature_mean.assign(columns, 0.0);
  scaling.feature_scale.assign(columns, 1.0);
  for (std::size_t j = 0; j < columns; ++j) {
    if (statistics.minimum[j] == statistics.maximum[j]) {
      const bool is_kept = static_cast<std::int64_t>(j) == kept;
      scaling.feature_mean[j] = is_kept ? 0.0 : static_cast<double>(statistics.minimum[j]);
    } else if (standardize) {
      scaling.feature_mean[j] = intercept ? statistics.mean[j] : 0.0;
      scaling.feature_scale[j] = statistics.standard_deviation[j];
    }
    if (bytes) {
      scaling.feature_mean[j] = kernels::byte_mean(scaling.feature_mean[j]);
      scaling.feature_scale[j] = kernels::byte_scale(scaling.feature_scale[j]);
    }
  }
  if (data.classifies()) {
    return scaling;
  }
  const auto outputs = static_cast<std::size_t>(data.outputs());
  scaling.target_mean.assign(outputs, 0.0);
  if (std::holds_alternative<PoissonLoss>(loss)) {
    scale_counts(data, weights, intercept, pool, scaling);
    return scaling;
  }
  if (intercept) {
    // Around the first row's, so that the mean of equal targets is that target to the bit.
    RowBuffer buffer;
    const double* const first = data.targets(0, 1, buffer);
    const std::vector<double> origin(first, first + outputs);
    const auto gap = [&](double y, std::size_t o) { return y - origin[o]; };
    scaling.target_mean = sum_over_targets(data, pool, gap).values;
    for (std::size_t o = 0; o < outputs; ++o) {
      scaling.target_mean[o] = origin[o] + scaling.target_mean[o] / weights.sum;
    }
  }
  const auto squared_gap = [&](double y, std::size_t o) {
    return (y - scaling.target_mean[o]) * (y - scaling.target_mean[o]);
  };
  const OutputSums squares = sum_over_targets(data, pool, squared_gap);
  const double square = std::accumulate(squares.values.begin(), squares.values.end(), 0.0);
  if (square > 0.0) {
    scaling.target_scale = std::sqrt(square / (weights.sum * static_cast<double>(outputs)));
  }
  scaling.units = units_of(loss, scaling.target_scale);
  return scaling;
}

void scale_targets(const Scaling& scaling, kernels::ThreadPool& pool,
                   std::vector<double>& targets) {
  const std::size_t outputs = std::max<std::size_t>(1, scaling.target_mean.size());
  const std::size_t rows = targets.size() / outputs;
  constexpr std::size_t rows_per_task = 16384;
  pool.for_each(static_cast<std::int64_t>((rows + rows_per_task - 1) / rows_per_task),
                [&](std::int64_t task, int /*worker*/) {
                  const std::size_t first = static_cast<std::size_t>(task) * rows_per_task;
                  const std::size_t end = std::min(rows, first + rows_per_task);
                  for (std::size_t row = first * outputs; row < end * outputs; row += outputs) {
                    for (std::size_t o = 0; o < outputs; ++o) {
                      targets[row + o] =
                          (targets[row + o] - scaling.target_mean[o]) / scaling.target_scale;
                    }
                  }
                });
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
  const double unit = scaling.log_link ? 1.0 : scaling.target_scale;
  const double offset = scaling.log_link ? std::log(scaling.target_scale) : 0.0;
  for (std::size_t o = 0; o < static_cast<std::size_t>(outputs); ++o) {
    double* column = parameters.data() + o * (features + 1);
    double shift = 0.0;
    for (std::size_t j = 0; j < features; ++j) {
      column[j] *= unit / scaling.feature_scale[j];
      shift += column[j] * scaling.feature_mean[j];
    }
    const double mean = scaling.target_mean.empty() ? offset : scaling.target_mean[o] + offset;
    column[features] = column[features] * unit + mean - shift;
  }
}

void unfold(const Scaling& scaling, std::int64_t outputs, std::vector<double>& parameters) {
  const std::size_t features = scaling.feature_mean.size();
  const double unit = scaling.log_link ? 1.0 : scaling.target_scale;
  const double offset = scaling.log_link ? std::log(scaling.target_scale) : 0.0;
  for (std::size_t o = 0; o < static_cast<std::size_t>(outputs); ++o) {
    double* column = parameters.data() + o * (features + 1);
    double shift = 0.0;
    for (std::size_t j = 0; j < features; ++j) {
      shift += column[j] * scaling.feature_mean[j];
      column[j] *= scaling.feature_scale[j] / unit;
    }
    const double mean = scaling.target_mean.empty() ? offset : scaling.target_mean[o] + offset;
    column[features] = (column[features] + shift - mean) / unit;
  }
}

}  // namespace steepest::train
