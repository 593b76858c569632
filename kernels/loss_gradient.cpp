// SPDX-License-Identifier: Apache-2.0
#include "kernels/loss_gradient.hpp"

#include <algorithm>
#include <type_traits>

#include "kernels/tile_products.hpp"

namespace steepest::kernels {
namespace {

// A tile and its scores stay in the second-level cache of any current core between the two
// products.
constexpr std::int64_t tile_bytes = 96 << 10;

// With one column a pass is bound by memory. Rows are used once, or twice while they are in the
// nearest cache; a tile is what the loops are entered for.
constexpr std::int64_t one_column_tile_bytes = 64 << 10;

// Sums of this many rows are kept in T before they are added to the double sums.
constexpr std::int64_t rows_between_flushes = 1024;

// What a tile's rows are compared with. A row's target values are rounded to T in `rounded`.
template <class Loss, class T>
class RowTargets {
 public:
  RowTargets(const RowFeed::Targets& data, std::int64_t outputs, T* rounded)
      : values_(data.values),
        labels_(data.labels),
        weights_(data.weights),
        outputs_(outputs),
        rounded_(rounded) {}

  [[nodiscard]] RowTarget<T> of(std::int64_t row) const {
    RowTarget<T> target{rounded_, 0};
    if constexpr (std::is_same_v<Loss, SquaredLoss>) {
      for (std::int64_t o = 0; o < outputs_; ++o) {
        rounded_[o] = static_cast<T>(values_[row * outputs_ + o]);
      }
    }
    if constexpr (requires { requires Loss::classifies; }) {
      target.label = labels_[row];
    }
    return target;
  }

  [[nodiscard]] T weight(std::int64_t row) const {
    return weights_ == nullptr ? T(1) : static_cast<T>(weights_[row]);
  }

 private:
  const double* values_;
  const std::int32_t* labels_;
  const double* weights_;
  std::int64_t outputs_;
  T* rounded_;
};

// One model with one score a row: everything stays in registers.
template <class Loss, class T>
void residuals_of_one_column(const RowFeed::Targets& data, const std::int64_t* rows,
                             std::int64_t count, T* scores, double& loss,
                             double& intercept_gradient) {
  T rounded = 0;
  const RowTargets<Loss, T> targets(data, 1, &rounded);
  double losses = loss;
  double residuals = intercept_gradient;
  for (std::int64_t r = 0; r < count; ++r) {
    T score = scores[r];
    losses += static_cast<double>(
        Loss::residual_in_place(&score, 1, targets.of(rows[r]), targets.weight(rows[r])));
    residuals += static_cast<double>(score);
    scores[r] = score;
  }
  loss = losses;
  intercept_gradient = residuals;
}

}  // namespace

template <class T>
void LossGradient<T>::set_parameters(const BankShape& shape, const double* parameters,
                                     std::int64_t first_column, std::int64_t columns) {
  shape_ = shape;
  padded_ = padded_length(shape.features);
  weights_.resize(static_cast<std::size_t>(shape.columns() * padded_));
  intercepts_.resize(static_cast<std::size_t>(shape.columns()));
  for (std::int64_t c = 0; c < columns; ++c) {
    const double* source = parameters + c * shape.stride();
    T* target = weights_.data() + (first_column + c) * padded_;
    for (std::int64_t j = 0; j < shape.features; ++j) {
      target[j] = static_cast<T>(source[j]);
    }
    std::fill(target + shape.features, target + padded_, T(0));
    intercepts_[static_cast<std::size_t>(first_column + c)] =
        static_cast<T>(source[shape.features]);
  }
}

template <class T>
std::int64_t LossGradient<T>::tile_rows() const {
  const std::int64_t row_bytes = shape_.features * static_cast<std::int64_t>(sizeof(float)) +
                                 shape_.columns() * static_cast<std::int64_t>(sizeof(T));
  const std::int64_t bytes = shape_.columns() == 1 ? one_column_tile_bytes : tile_bytes;
  return std::clamp<std::int64_t>(bytes / row_bytes / 4 * 4, 8, rows_between_flushes);
}

template <class T>
void LossGradient<T>::prepare(Scratch& scratch) const {
  const auto rows = static_cast<std::size_t>(tile_rows());
  const auto columns = static_cast<std::size_t>(shape_.columns());
  scratch.rows.resize(rows);
  scratch.indexes.resize(rows);
  scratch.scores.resize(rows * columns);
  scratch.targets.resize(static_cast<std::size_t>(shape_.outputs));
  scratch.gradient.assign(columns * static_cast<std::size_t>(padded_), T(0));
  scratch.intercept_gradient.assign(columns, 0.0);
  scratch.loss.assign(static_cast<std::size_t>(shape_.models), 0.0);
}

template <class T>
template <class Loss>
void LossGradient<T>::residuals(const RowFeed::Targets& data, std::int64_t count,
                                Scratch& scratch) const {
  const std::int64_t outputs = shape_.outputs;
  const std::int64_t columns = shape_.columns();
  if (columns == 1) {
    residuals_of_one_column<Loss>(data, scratch.indexes.data(), count, scratch.scores.data(),
                                  scratch.loss[0], scratch.intercept_gradient[0]);
    return;
  }
  const RowTargets<Loss, T> targets(data, outputs, scratch.targets.data());
  double* const loss = scratch.loss.data();
  double* const intercept_gradient = scratch.intercept_gradient.data();
  for (std::int64_t r = 0; r < count; ++r) {
    const std::int64_t i = scratch.indexes[static_cast<std::size_t>(r)];
    const RowTarget<T> target = targets.of(i);
    const T weight = targets.weight(i);
    T* row = scratch.scores.data() + r * columns;
    for (std::int64_t k = 0; k < shape_.models; ++k) {
      loss[k] +=
          static_cast<double>(Loss::residual_in_place(row + k * outputs, outputs, target, weight));
    }
    for (std::int64_t c = 0; c < columns; ++c) {
      intercept_gradient[c] += static_cast<double>(row[c]);
    }
  }
}

template <class T>
bool LossGradient<T>::squared_column(const RowFeed::Targets& data, std::int64_t count,
                                     Scratch& scratch) const {
  SquaredColumn<T> column;
  column.features = shape_.features;
  column.weights = weights_.data();
  column.intercept = intercepts_[0];
  column.targets = data.values;
  column.row_weights = data.weights;
  column.gradient = scratch.gradient.data();
  column.residuals = scratch.intercept_gradient[0];
  column.loss = scratch.loss[0];
  const bool done = tile_squared(scratch.rows.data(), scratch.indexes.data(), count, column);
  scratch.intercept_gradient[0] = column.residuals;
  scratch.loss[0] = column.loss;
  return done;
}

// Adds the sums kept in T to the double sums of the partition, and clears them.
template <class T>
void LossGradient<T>::flush(Scratch& scratch, double* gradient, double* loss) const {
  for (std::int64_t c = 0; c < shape_.columns(); ++c) {
    T* from = scratch.gradient.data() + c * padded_;
    double* to = gradient + c * shape_.stride();
    for (std::int64_t j = 0; j < shape_.features; ++j) {
      to[j] += static_cast<double>(from[j]);
    }
    std::fill(from, from + padded_, T(0));
    to[shape_.features] += scratch.intercept_gradient[static_cast<std::size_t>(c)];
    scratch.intercept_gradient[static_cast<std::size_t>(c)] = 0.0;
  }
  for (std::int64_t k = 0; k < shape_.models; ++k) {
    loss[k] += scratch.loss[static_cast<std::size_t>(k)];
    scratch.loss[static_cast<std::size_t>(k)] = 0.0;
  }
}

template <class T>
template <class Loss>
void LossGradient<T>::run_partition(RowFeed& feed, RowFeed::Request request, Scratch& scratch,
                                    double* gradient, double* loss) const {
  prepare(scratch);
  const std::int64_t tile = tile_rows();
  const PaddedColumns<const T> weights{weights_.data(), shape_.columns(), padded_};
  const PaddedColumns<T> sums{scratch.gradient.data(), shape_.columns(), padded_};
  std::int64_t unflushed = 0;
  for (; request.begin < request.end; request.begin += tile) {
    request.count = std::min(tile, request.end - request.begin);
    const RowFeed::Targets targets =
        feed.tile(request, scratch.indexes.data(), scratch.rows.data());
    const bool done = std::is_same_v<Loss, SquaredLoss> && shape_.columns() == 1 &&
                      squared_column(targets, request.count, scratch);
    if (!done) {
      tile_scores(scratch.rows.data(), request.count, shape_.features, weights, intercepts_.data(),
                  scratch.scores.data());
      residuals<Loss>(targets, request.count, scratch);
      tile_gradient(scratch.rows.data(), request.count, shape_.features, scratch.scores.data(),
                    sums);
    }
    unflushed += request.count;
    if (unflushed + tile > rows_between_flushes) {
      flush(scratch, gradient, loss);
      unflushed = 0;
    }
  }
  flush(scratch, gradient, loss);
}

template <class T>
void LossGradient<T>::run(const PassLoss& loss, RowFeed& feed, const RowSelection& rows,
                          ThreadPool& pool, Partials& partials) {
  partials.partitions = partition_count(rows.count, shape_);
  partials.gradient.assign(static_cast<std::size_t>(partials.partitions * shape_.elements()), 0.0);
  partials.loss.assign(static_cast<std::size_t>(partials.partitions * shape_.models), 0.0);
  scratch_.resize(static_cast<std::size_t>(pool.threads()));
  feed.prepare(rows, pool);
  std::visit(
      [&](auto chosen) {
        pool.for_each(partials.partitions, [&](std::int64_t p, int worker) {
          const std::int64_t begin = p * rows.count / partials.partitions;
          const std::int64_t end = (p + 1) * rows.count / partials.partitions;
          run_partition<decltype(chosen)>(feed, {&rows, begin, 0, end, worker},
                                          scratch_[static_cast<std::size_t>(worker)],
                                          partials.gradient.data() + p * shape_.elements(),
                                          partials.loss.data() + p * shape_.models);
        });
      },
      loss);
}

template <class T>
void LossGradient<T>::scores(RowFeed& feed, std::int64_t first, std::int64_t count, int worker,
                             T* out) const {
  const PaddedColumns<const T> weights{weights_.data(), shape_.columns(), padded_};
  const auto tile = static_cast<std::size_t>(tile_rows());
  std::vector<const float*> rows(tile);
  std::vector<std::int64_t> indexes(tile);
  const RowSelection selection{first, count, false, feed.rows(), 0, 0};
  for (std::int64_t r = 0; r < count; r += tile_rows()) {
    const std::int64_t size = std::min(tile_rows(), count - r);
    feed.tile({&selection, r, size, count, worker}, indexes.data(), rows.data());
    tile_scores(rows.data(), size, shape_.features, weights, intercepts_.data(),
                out + r * shape_.columns());
  }
}

template class LossGradient<float>;
template class LossGradient<double>;

}  // namespace steepest::kernels
