// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include "kernels/for_each_index.cuh"
#include "kernels/residuals.cuh"
#include "kernels/score_line.cuh"

namespace steepest::kernels {
namespace {

// A slice is every 4,096th residual of a chunk; there are more slices than a chunk has partitions.
constexpr std::int64_t slices = 4096;
static_assert(slices >= most_partitions);

// Element i of a chunk's scores at a length, (rows, C); past the chunk's rows they are zero.
template <class T>
struct ScoreAt {
  const T* scores;  // (rows, 2 C)
  std::int64_t elements;
  std::int64_t outputs;
  T length;
  T* out;

  STEEPEST_HD void operator()(std::int64_t i) const {
    const T* const point = scores + i / outputs * 2 * outputs + i % outputs;
    out[i] = i < elements ? point[0] - length * point[outputs] : T(0);
  }
};

// Adds a slice of sum_i r_i u_i of a chunk, and one of its losses.
template <class T>
struct AddSlice {
  const T* scores;
  const T* residuals;
  const double* losses;
  std::int64_t partitions;
  std::int64_t elements;
  std::int64_t outputs;
  double* sums;

  STEEPEST_HD void operator()(std::int64_t slice) const {
    double slope = 0.0;
    for (std::int64_t i = slice; i < elements; i += slices) {
      const T along = scores[i / outputs * 2 * outputs + outputs + i % outputs];
      slope += static_cast<double>(residuals[i]) * static_cast<double>(along);
    }
    sums[slices + slice] += slope;
    if (slice < partitions) {
      sums[slice] += losses[slice];
    }
  }
};

}  // namespace

template <class T>
ScoreLine<T>::ScoreLine(std::int64_t features, std::int64_t outputs, const PassRows<T>& rows,
                        const MatrixProducts& products)
    : features_(features),
      outputs_(outputs),
      pass_({features, 2 * outputs, 1}, rows, 0, products),
      scores_(rows.held.rows * 2 * outputs, "scores along a line"),
      weights_(2 * outputs * rows.held.pitch, "parameters of a pass"),
      sums_(2 * slices, "losses of a pass") {}

template <class T>
void ScoreLine<T>::aim(const std::vector<double>& point, const std::vector<double>& direction) {
  if (point == point_ && direction == direction_) {
    return;
  }
  point_.clear();  // until all of it is queued
  const std::int64_t pitch = pass_.data().pitch;
  pass_.upload_parameters(point.data(), outputs_, weights_.data());
  pass_.upload_parameters(direction.data(), outputs_, weights_.data() + outputs_ * pitch);
  const std::int64_t n = pass_.data().rows;
  const std::int64_t most_rows = std::min(n, pass_.most_rows());
  for (std::int64_t first = 0; first < n; first += most_rows) {
    const std::int64_t rows = std::min(most_rows, n - first);
    pass_.visit(first, rows, [&](const T* features) {
      pass_.products().scores(rows, 2 * outputs_, features_ + 1, pitch, features, weights_.data(),
                              scores_.data() + first * 2 * outputs_);
    });
  }
  point_ = point;
  direction_ = direction;
}

template <class T>
LineValue ScoreLine<T>::value(const PassLoss& loss, double length) {
  const DeviceRows<T>& data = pass_.data();
  const cudaStream_t stream = pass_.products().stream();
  fill_bytes(sums_.data(), 2 * slices, 0, stream);
  for (std::int64_t index = 0; index < chunk_count(data.rows, pass_.most_rows()); ++index) {
    const RowChunk chunk = chunk_of_pass(data.rows, pass_.most_rows(), index);
    const T* const scores = scores_.data() + chunk.first * 2 * outputs_;
    const std::int64_t elements = chunk.rows * outputs_;
    for_each_index(
        "looking along a line", chunk.padded_rows() * outputs_, stream,
        ScoreAt<T>{scores, elements, outputs_, static_cast<T>(length), pass_.residuals()});
    queue_residuals(loss,
                    RowTargets<T>{data.targets, data.labels, data.weights, nullptr, chunk.first},
                    chunk, shape(), stream, pass_.residuals(), pass_.losses());
    for_each_index("looking along a line", slices, stream,
                   AddSlice<T>{scores, pass_.residuals(), pass_.losses(), chunk.partitions,
                               elements, outputs_, sums_.data()});
  }
  std::vector<double> sums(static_cast<std::size_t>(2 * slices));
  download(sums_.data(), 2 * slices, sums.data(), stream);
  const auto middle = sums.begin() + slices;
  const auto n = static_cast<double>(data.rows);
  return {std::accumulate(sums.begin(), middle, 0.0) / n,
          std::accumulate(middle, sums.end(), 0.0) / n};
}

template class ScoreLine<float>;
template class ScoreLine<double>;

}  // namespace steepest::kernels
