// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/for_each_index.cuh"
#include "kernels/loss_gradient.cuh"
#include "kernels/residuals.cuh"

namespace steepest::kernels {
namespace {

// Position r of a chunk to the row visited there.
struct SelectRow {
  RowOrder order;
  std::int64_t first;
  std::int64_t* indexes;

  STEEPEST_HD void operator()(std::int64_t r) const { indexes[r] = order(first + r); }
};

// Element i of a gathered chunk laid out (rows, pitch); rows past the chunk's are zero.
template <class T>
struct GatherElement {
  const T* features;
  const std::int64_t* indexes;
  std::int64_t rows;
  std::int64_t pitch;
  T* out;

  STEEPEST_HD void operator()(std::int64_t i) const {
    const std::int64_t row = i / pitch;
    out[i] = row < rows ? features[indexes[row] * pitch + i % pitch] : T(0);
  }
};

template <class T>
struct FoldGradient {
  PassSums<T> sums;
  double* carried;

  STEEPEST_HD void operator()(std::int64_t element) const {
    carried[element] = sums.gradient_sum(element);
  }
};

template <class T>
struct FoldLoss {
  PassSums<T> sums;
  double* carried;

  STEEPEST_HD void operator()(std::int64_t model) const { carried[model] = sums.loss_sum(model); }
};

std::int64_t parts(std::int64_t rows) {
  return (rows + most_partition_rows - 1) / most_partition_rows;
}

}  // namespace

template <class T>
DeviceLossGradient<T>::DeviceLossGradient(const BankShape& shape, const DeviceRows<T>& data,
                                          std::int64_t batch_rows, const MatrixProducts& products)
    : shape_(shape),
      data_(data),
      products_(products),
      most_rows_(most_chunk_rows(shape, data.pitch, sizeof(T))),
      score_rows_(std::min(data.rows, most_rows_) + most_partitions),
      weights_(shape.columns() * data.pitch, "parameters of a pass"),
      scores_(score_rows_ * shape.columns(), "scores of a pass"),
      gradient_(parts(std::min(data.rows, most_rows_)) * shape.columns() * data.pitch,
                "gradients of a pass"),
      loss_(parts(std::min(data.rows, most_rows_)) * shape.models, "losses of a pass"),
      carried_gradient_(shape.elements(), "gradients of a pass"),
      carried_loss_(shape.models, "losses of a pass"),
      indexes_(std::min(batch_rows, most_rows_), "row numbers of a batch"),
      gathered_(
          batch_rows == 0 ? 0 : (std::min(batch_rows, most_rows_) + most_partitions) * data.pitch,
          "rows of a batch") {}

template <class T>
void DeviceLossGradient<T>::upload_weights(const double* parameters, std::int64_t columns) {
  std::vector<T> rounded(static_cast<std::size_t>(columns * data_.pitch), T(0));
  for (std::int64_t c = 0; c < columns; ++c) {
    const double* row = parameters + c * shape_.stride();
    std::transform(row, row + shape_.stride(), rounded.begin() + c * data_.pitch,
                   [](double value) { return static_cast<T>(value); });
  }
  upload(rounded.data(), columns * data_.pitch, weights_.data(), products_.stream());
}

template <class T>
const T* DeviceLossGradient<T>::gather(const RowSelection& rows, const RowChunk& chunk) {
  const RowOrder order(rows.total_rows, rows.seed, rows.epoch);
  for_each_index("shuffling rows", chunk.rows, products_.stream(),
                 SelectRow{order, rows.first + chunk.first, indexes_.data()});
  for_each_index(
      "gathering a batch", chunk.padded_rows() * data_.pitch, products_.stream(),
      GatherElement<T>{data_.features, indexes_.data(), chunk.rows, data_.pitch, gathered_.data()});
  return gathered_.data();
}

template <class T>
void DeviceLossGradient<T>::run_chunk(const PassLoss& loss, const RowSelection& rows,
                                      const RowChunk& chunk) {
  const std::int64_t first = rows.first + chunk.first;
  const T* x = rows.shuffled ? gather(rows, chunk) : data_.features + first * data_.pitch;
  const RowTargets<T> targets{data_.targets, data_.labels, data_.weights,
                              rows.shuffled ? indexes_.data() : nullptr, first};
  products_.scores(chunk.rows, shape_.columns(), shape_.stride(), data_.pitch, x, weights_.data(),
                   scores_.data());
  queue_residuals(loss, targets, chunk, shape_, products_.stream(), scores_.data(), loss_.data());
  products_.gradients(chunk.partitions, chunk.partition_rows, shape_.columns(), shape_.stride(),
                      data_.pitch, x, scores_.data(), gradient_.data());
}

template <class T>
PassSums<T> DeviceLossGradient<T>::run(const PassLoss& loss, const RowSelection& rows) {
  PassSums<T> sums;
  sums.shape = shape_;
  sums.pitch = data_.pitch;
  sums.gradient = gradient_.data();
  sums.loss = loss_.data();
  const std::int64_t chunks = chunk_count(rows.count, most_rows_);
  for (std::int64_t index = 0; index < chunks; ++index) {
    if (index > 0) {
      fold_gradient(sums);
      fold_loss(sums);
      sums.carried_gradient = carried_gradient_.data();
      sums.carried_loss = carried_loss_.data();
    }
    const RowChunk chunk = chunk_of_pass(rows.count, most_rows_, index);
    run_chunk(loss, rows, chunk);
    sums.partitions = chunk.partitions;
  }
  return sums;
}

template <class T>
void DeviceLossGradient<T>::fold_gradient(const PassSums<T>& sums) {
  for_each_index("adding up gradients", shape_.elements(), products_.stream(),
                 FoldGradient<T>{sums, carried_gradient_.data()});
}

template <class T>
void DeviceLossGradient<T>::fold_loss(const PassSums<T>& sums) {
  for_each_index("adding up losses", shape_.models, products_.stream(),
                 FoldLoss<T>{sums, carried_loss_.data()});
}

template <class T>
std::vector<double> DeviceLossGradient<T>::gradient(const PassSums<T>& sums) {
  fold_gradient(sums);
  std::vector<double> total(static_cast<std::size_t>(shape_.elements()));
  download(carried_gradient_.data(), shape_.elements(), total.data(), products_.stream());
  return total;
}

template <class T>
std::vector<double> DeviceLossGradient<T>::scores(std::int64_t first, std::int64_t count,
                                                  std::int64_t columns) {
  std::vector<T> out(static_cast<std::size_t>(count * columns));
  for (std::int64_t r = 0; r < count; r += score_rows_) {
    const std::int64_t rows = std::min(score_rows_, count - r);
    products_.scores(rows, columns, shape_.stride(), data_.pitch,
                     data_.features + (first + r) * data_.pitch, weights_.data(), scores_.data());
    download(scores_.data(), rows * columns, out.data() + r * columns, products_.stream());
  }
  return {out.begin(), out.end()};
}

template class DeviceLossGradient<float>;
template class DeviceLossGradient<double>;

}  // namespace steepest::kernels
