// SPDX-License-Identifier: Apache-2.0
#include "kernels/loss_gradient.hpp"

#include <algorithm>
#include <type_traits>

#include "kernels/partitions.hpp"
#include "kernels/tile_squared.hpp"

namespace steepest::kernels {
namespace {

// A tile and its scores stay in the second-level cache of any current core between the two
// products.
constexpr std::int64_t tile_bytes = 104 << 10;

// With one column a pass is bound by memory. Rows are used once, or twice while they are in the
// nearest cache.
constexpr std::int64_t one_column_tile_bytes = 16 << 10;

// Sums of this many rows are kept in T before they are added to the double sums. Tiles are cut
// within them, which no sum shows.
constexpr std::int64_t rows_between_flushes = 1024;

// The request for a partition of a pass.
RowFeed::Request partition(const RowSelection& rows, std::int64_t index, std::int64_t partitions,
                           int worker) {
  return {&rows, index * rows.count / partitions, 0, (index + 1) * rows.count / partitions, worker};
}

// What a worker will most likely take after task `index`, of this pass or of the next one. A task
// is a partition and one of `groups` groups of models.
RowFeed::Request partition_after(const RowSelection& rows, const RowSelection* next,
                                 std::int64_t index, std::int64_t threads, std::int64_t partitions,
                                 std::int64_t groups, int worker) {
  const std::int64_t tasks = partitions * groups;
  const std::int64_t likely = index + std::min(threads, tasks);
  if (likely < tasks) {
    return partition(rows, likely / groups, partitions, worker);
  }
  if (next == nullptr || next->count < partitions) {
    return {};
  }
  return partition(*next, (likely - tasks) / groups, partitions, worker);
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
  return std::clamp<std::int64_t>(bytes / row_bytes / sum_lanes * sum_lanes, sum_lanes,
                                  rows_between_flushes);
}

// Sums are 0 already: flush() leaves them so.
template <class T>
void LossGradient<T>::prepare(Scratch& scratch) const {
  const auto rows = static_cast<std::size_t>(tile_rows());
  const auto pitch = static_cast<std::size_t>(tile_pitch(tile_rows()));
  const auto columns = static_cast<std::size_t>(shape_.columns());
  scratch.rows.resize(rows);
  scratch.next.resize(rows);
  scratch.indexes.resize(rows);
  scratch.scores.resize(pitch * columns);
  scratch.targets.resize(pitch * static_cast<std::size_t>(shape_.outputs));
  scratch.labels.resize(pitch);
  scratch.weights.resize(pitch);
  scratch.masked.resize(masks_ == nullptr ? 0 : pitch);
  scratch.gradient.resize(columns * static_cast<std::size_t>(padded_), T(0));
  scratch.intercept_gradient.resize(columns * sum_lanes, 0.0);
  scratch.loss.resize(columns * sum_lanes, 0.0);
}

// What the tile's rows are compared with, in the order of the tile.
template <class T>
void LossGradient<T>::gather(const RowFeed::Targets& data, std::int64_t count,
                             Scratch& scratch) const {
  const std::int64_t* const indexes = scratch.indexes.data();
  const std::int64_t pitch = tile_pitch(tile_rows());
  T* const labels = scratch.labels.data();
  for (std::int64_t r = 0; data.labels != nullptr && r < count; ++r) {
    labels[r] = static_cast<T>(data.labels[indexes[r]]);
  }
  for (std::int64_t o = 0; data.values != nullptr && o < shape_.outputs; ++o) {
    T* const targets = scratch.targets.data() + o * pitch;
    for (std::int64_t r = 0; r < count; ++r) {
      targets[r] = static_cast<T>(data.values[indexes[r] * shape_.outputs + o]);
    }
  }
  T* const weights = scratch.weights.data();
  for (std::int64_t r = 0; r < count; ++r) {
    weights[r] = data.weights == nullptr ? T(1) : static_cast<T>(data.weights[indexes[r]]);
  }
}

// Model by model, each with weights of its own; `first` is the tile's first row of all.
template <class T>
template <class Loss>
void LossGradient<T>::masked_residuals(Loss loss, const TileScores<T>& tile, const Models& models,
                                       std::int64_t first, Scratch& scratch) const {
  const std::uint8_t* const folds = folds_->data() + first;
  TileScores<T> one = tile;
  one.models = 1;
  one.weights = scratch.masked.data();
  for (std::int64_t k = models.first; k < models.first + models.count; ++k) {
    const RowMask& mask = (*masks_)[static_cast<std::size_t>(k)];
    const T factor = static_cast<T>(mask.weight);
    for (std::int64_t r = 0; r < tile.count; ++r) {
      scratch.masked[static_cast<std::size_t>(r)] =
          mask.sees(folds[r]) ? factor * tile.weights[r] : T(0);
    }
    tile_residuals(loss, one);
    one.scores += tile.outputs * tile.pitch;
    one.residuals += tile.outputs * sum_lanes;
    one.loss += tile.outputs * sum_lanes;
  }
}

template <class T>
template <class Loss>
void LossGradient<T>::residuals(Loss loss, const RowFeed::Targets& data, const Models& models,
                                std::int64_t first, std::int64_t count, Scratch& scratch) const {
  RowFeed::Targets wanted = data;
  if constexpr (!takes_labels<Loss>) {
    wanted.labels = nullptr;
  }
  if constexpr (!takes_values<Loss>) {
    wanted.values = nullptr;
  }
  gather(wanted, count, scratch);
  TileScores<T> tile;
  tile.count = count;
  tile.pitch = tile_pitch(tile_rows());
  tile.models = models.count;
  tile.outputs = shape_.outputs;
  tile.scores = scratch.scores.data();
  tile.targets = scratch.targets.data();
  tile.labels = scratch.labels.data();
  tile.weights = scratch.weights.data();
  tile.loss = scratch.loss.data();
  tile.residuals = scratch.intercept_gradient.data();
  if constexpr (std::is_same_v<Loss, QuadraticForm>) {
    std::fill(scratch.targets.begin(), scratch.targets.end(), T(0));
    tile_residuals(SquaredLoss{}, tile);
  } else if (masks_ != nullptr) {
    masked_residuals(loss, tile, models, first, scratch);
  } else {
    tile_residuals(loss, tile);
  }
}

template <class T>
bool LossGradient<T>::squared_column(const RowFeed::Targets& data, const TileRows& rows,
                                     Scratch& scratch) const {
  SquaredColumn<T> column;
  column.weights = weights_.data();
  column.intercept = intercepts_[0];
  column.targets = data.values;
  column.row_weights = data.weights;
  column.gradient = scratch.gradient.data();
  column.residuals = scratch.intercept_gradient.data();
  column.loss = scratch.loss.data();
  return tile_squared(rows, scratch.indexes.data(), column);
}

// Moves the sums kept in T to the double sums of the partition: the first ones take the place of
// what is there.
template <class T>
void LossGradient<T>::flush(const Models& models, Scratch& scratch, bool first, double* gradient,
                            double* loss) const {
  const auto take = [](double* lanes) {
    const double sum = sum_of_lanes(lanes);
    std::fill_n(lanes, sum_lanes, 0.0);
    return sum;
  };
  for (std::int64_t c = 0; c < models.count * shape_.outputs; ++c) {
    T* from = scratch.gradient.data() + c * padded_;
    double* to = gradient + c * shape_.stride();
    if (first) {
      std::copy_n(from, shape_.features, to);
    } else {
      for (std::int64_t j = 0; j < shape_.features; ++j) {
        to[j] += static_cast<double>(from[j]);
      }
    }
    std::fill(from, from + padded_, T(0));
    const double residuals = take(scratch.intercept_gradient.data() + c * sum_lanes);
    to[shape_.features] = first ? residuals : to[shape_.features] + residuals;
    const double losses = take(scratch.loss.data() + c * sum_lanes);
    double& sum = loss[c / shape_.outputs];
    sum = first && c % shape_.outputs == 0 ? losses : sum + losses;
  }
}

template <class T>
template <class Loss>
void LossGradient<T>::run_partition(Loss loss, RowFeed& feed, RowFeed::Request request,
                                    const RowFeed::Request& after, const Models& models,
                                    Scratch& scratch, double* gradient, double* losses) const {
  prepare(scratch);
  const std::int64_t pitch = tile_pitch(tile_rows());
  const std::int64_t columns = models.count * shape_.outputs;
  const std::int64_t first_column = models.first * shape_.outputs;
  const PaddedColumns<const T> weights{weights_.data() + first_column * padded_, columns, padded_};
  const PaddedColumns<T> sums{scratch.gradient.data(), columns, padded_};
  const std::int64_t partition_begin = request.begin;
  bool first = true;
  while (request.begin < request.end) {
    request.count = tile_at(partition_begin, request);
    const RowFeed::Targets targets =
        feed.tile(request, scratch.indexes.data(), scratch.rows.data());
    const TileRows rows{scratch.rows.data(), peek(feed, partition_begin, request, after, scratch),
                        request.count, shape_.features};
    const bool done = std::is_same_v<Loss, SquaredLoss> && shape_.columns() == 1 &&
                      masks_ == nullptr && squared_column(targets, rows, scratch);
    if (!done) {
      tile_scores(rows, weights, intercepts_.data() + first_column, pitch, scratch.scores.data());
      residuals(loss, targets, models, request.selection->first + request.begin, request.count,
                scratch);
      tile_gradient(rows, scratch.scores.data(), pitch, sums);
    }
    request.begin += request.count;
    if ((request.begin - partition_begin) % rows_between_flushes == 0 ||
        request.begin == request.end) {
      flush(models, scratch, first, gradient, losses);
      first = false;
    }
  }
}

// Rows of the tile at request.begin of a partition. The rows between two flushes are cut into tiles
// of one size: the last would ask for few rows of what follows it if it were short.
template <class T>
std::int64_t LossGradient<T>::tile_at(std::int64_t partition_begin,
                                      const RowFeed::Request& request) const {
  const std::int64_t within = (request.begin - partition_begin) % rows_between_flushes;
  const std::int64_t left = request.end - request.begin;
  const std::int64_t rows = std::min(rows_between_flushes, within + left);
  const std::int64_t tiles = (rows + tile_rows() - 1) / tile_rows();
  const std::int64_t even = ((rows + tiles - 1) / tiles + sum_lanes - 1) / sum_lanes * sum_lanes;
  return std::min(even, rows - within);
}

// Where the rows of the tile after `request` lie, one for each row of `request`; `after` is what
// follows the last one. Null where that is not known.
template <class T>
const float* const* LossGradient<T>::peek(RowFeed& feed, std::int64_t partition_begin,
                                          const RowFeed::Request& request,
                                          const RowFeed::Request& after, Scratch& scratch) const {
  RowFeed::Request next = request;
  next.begin += request.count;
  if (next.begin >= request.end) {
    next = after;
    partition_begin = after.begin;
  }
  if (next.begin >= next.end) {
    return nullptr;
  }
  next.count = tile_at(partition_begin, next);
  if (!feed.peek(next, scratch.next.data())) {
    return nullptr;
  }
  for (std::int64_t r = next.count; r < request.count; ++r) {
    scratch.next[static_cast<std::size_t>(r)] = scratch.next[static_cast<std::size_t>(r - 1)];
  }
  return scratch.next.data();
}

template <class T>
void LossGradient<T>::run(const PassLoss& loss, RowFeed& feed, const RowSelection& rows,
                          const RowSelection* next, ThreadPool& pool, Partials& partials) {
  partials.partitions = partition_count(rows.count, shape_);
  partials.gradient.resize(static_cast<std::size_t>(partials.partitions * shape_.elements()));
  partials.loss.resize(static_cast<std::size_t>(partials.partitions * shape_.models));
  scratch_.resize(static_cast<std::size_t>(pool.threads()));
  if (!clean_) {  // the last pass was cut short by an exception
    scratch_.assign(scratch_.size(), {});
  }
  clean_ = false;
  feed.prepare(rows, pool);
  const std::int64_t groups = group_count(rows.count, shape_, pool.threads());
  const auto take = [&](auto chosen, std::int64_t task, int worker) {
    const std::int64_t p = task / groups;
    const std::int64_t group = task % groups;
    Models models;
    models.first = group * shape_.models / groups;
    models.count = (group + 1) * shape_.models / groups - models.first;
    run_partition(
        chosen, feed, partition(rows, p, partials.partitions, worker),
        partition_after(rows, next, task, pool.threads(), partials.partitions, groups, worker),
        models, scratch_[static_cast<std::size_t>(worker)],
        partials.gradient.data() + p * shape_.elements() +
            models.first * shape_.elements_per_model(),
        partials.loss.data() + p * shape_.models + models.first);
  };
  std::visit(
      [&](auto chosen) {
        pool.for_each(partials.partitions * groups,
                      [&](std::int64_t task, int worker) { take(chosen, task, worker); });
      },
      loss);
  clean_ = true;
}

template <class T>
void LossGradient<T>::scores(RowFeed& feed, std::int64_t first, std::int64_t count, int worker,
                             T* out) const {
  const PaddedColumns<const T> weights{weights_.data(), shape_.columns(), padded_};
  const std::int64_t tile = tile_rows();
  const std::int64_t pitch = tile_pitch(tile);
  const std::int64_t columns = shape_.columns();
  std::vector<const float*> rows(static_cast<std::size_t>(tile));
  std::vector<std::int64_t> indexes(static_cast<std::size_t>(tile));
  AlignedVector<T> scores(static_cast<std::size_t>(pitch * columns));
  const RowSelection selection{first, count, false, feed.rows(), 0, 0};
  for (std::int64_t r = 0; r < count; r += tile) {
    const std::int64_t size = std::min(tile, count - r);
    feed.tile({&selection, r, size, count, worker}, indexes.data(), rows.data());
    tile_scores({rows.data(), nullptr, size, shape_.features}, weights, intercepts_.data(), pitch,
                scores.data());
    for (std::int64_t i = 0; i < size; ++i) {
      for (std::int64_t c = 0; c < columns; ++c) {
        *out++ = scores[static_cast<std::size_t>(c * pitch + i)];
      }
    }
  }
}

template class LossGradient<float>;
template class LossGradient<double>;

}  // namespace steepest::kernels
