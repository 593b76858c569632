// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/device_pass.cuh"
#include "kernels/for_each_index.cuh"

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

// What a chunk of gathered or unpacked rows takes room for, padded; 0 where rows are read where
// they lie.
template <class T>
std::int64_t rows_gathered(const PassRows<T>& rows, std::int64_t batch_rows,
                           std::int64_t most_rows) {
  if (rows.packed.any()) {
    return most_rows + most_partitions;
  }
  return rows.windows != nullptr || batch_rows == 0 ? 0 : batch_rows + most_partitions;
}

std::int64_t parts(std::int64_t rows) {
  return (rows + most_partition_rows - 1) / most_partition_rows;
}

}  // namespace

template <class T>
DevicePass<T>::DevicePass(const BankShape& shape, const PassRows<T>& rows, std::int64_t batch_rows,
                          const MatrixProducts& products)
    : shape_(shape),
      data_(rows.held),
      windows_(rows.windows),
      packed_(rows.packed),
      products_(products),
      most_rows_(std::min(most_chunk_rows(shape, data_.pitch, sizeof(T)), rows.most_rows())),
      residual_rows_(std::min(data_.rows, most_rows_) + most_partitions),
      residuals_(residual_rows_ * shape.columns(), "scores of a pass"),
      gradient_(parts(std::min(data_.rows, most_rows_)) * shape.columns() * data_.pitch,
                "gradients of a pass"),
      losses_(loss_sums_room(shape, parts(std::min(data_.rows, most_rows_))), "losses of a pass"),
      carried_gradient_(shape.elements(), "gradients of a pass"),
      carried_loss_(shape.models, "losses of a pass"),
      indexes_(std::min(batch_rows, most_rows_), "row numbers of a batch"),
      gathered_(rows_gathered(rows, std::min(batch_rows, most_rows_), most_rows_) * data_.pitch,
                "rows of a batch") {
  // A pass without losses carries those it never wrote.
  fill_bytes(losses_.data(), losses_.size(), 0, products.stream());
}

template <class T>
PassSums<T> DevicePass<T>::empty_sums() const {
  PassSums<T> sums;
  sums.shape = shape_;
  sums.pitch = data_.pitch;
  sums.gradient = gradient_.data();
  sums.loss = losses_.data();
  return sums;
}

template <class T>
const T* DevicePass<T>::features_of(const RowSelection& part, const std::int64_t* indexes,
                                    std::int64_t padded_rows, std::int64_t whole,
                                    const RowsAhead& ahead) {
  if (windows_ != nullptr) {
    return windows_->at(part, whole, ahead);
  }
  if (packed_.any()) {
    queue_unpack(packed_, part, indexes, whole, ahead, padded_rows, data_.pitch, products_.stream(),
                 gathered_.data());
    return gathered_.data();
  }
  if (indexes == nullptr) {
    return data_.features + part.first * data_.pitch;
  }
  for_each_index(
      "gathering a batch", padded_rows * data_.pitch, products_.stream(),
      GatherElement<T>{data_.features, indexes, part.count, data_.pitch, gathered_.data()});
  return gathered_.data();
}

template <class T>
void DevicePass<T>::release() {
  if (windows_ != nullptr) {
    windows_->release();
  }
}

template <class T>
ChunkRows<T> DevicePass<T>::rows_of(const RowSelection& rows, const RowChunk& chunk,
                                    const RowsAhead& ahead, const std::int64_t* drawn) {
  RowSelection part = rows;
  part.first += chunk.first;
  part.count = chunk.rows;
  ChunkRows<T> ready;
  ready.chunk = chunk;
  ready.targets = {data_.targets, data_.labels, data_.weights, nullptr, part.first};
  if (rows.shuffled && drawn != nullptr) {
    ready.targets.indexes = drawn + chunk.first;
  } else if (rows.shuffled) {
    for_each_index("shuffling rows", chunk.rows, products_.stream(),
                   SelectRow{part.order(), part.first, indexes_.data()});
    ready.targets.indexes = indexes_.data();
  }
  ready.features = features_of(part, ready.targets.indexes, chunk.padded_rows(),
                               std::min(rows.count, most_rows_), ahead);
  return ready;
}

template <class T>
void DevicePass<T>::multiply(const ChunkRows<T>& chunk) {
  products_.gradients(chunk.chunk.partitions, chunk.chunk.partition_rows, shape_.columns(),
                      shape_.stride(), data_.pitch, chunk.features, residuals_.data(),
                      gradient_.data());
}

template <class T>
void DevicePass<T>::carry(PassSums<T>& sums) {
  fold_gradient(sums);
  for_each_index("adding up losses", shape_.models, products_.stream(),
                 FoldLoss<T>{sums, carried_loss_.data()});
  sums.carried_gradient = carried_gradient_.data();
  sums.carried_loss = carried_loss_.data();
}

template <class T>
void DevicePass<T>::fold_gradient(const PassSums<T>& sums) {
  for_each_index("adding up gradients", shape_.elements(), products_.stream(),
                 FoldGradient<T>{sums, carried_gradient_.data()});
}

template <class T>
void DevicePass<T>::upload_parameters(const double* parameters, std::int64_t columns,
                                      T* weights) const {
  const std::int64_t stride = shape_.stride();
  std::vector<T> rounded(static_cast<std::size_t>(columns * data_.pitch), T(0));
  for (std::int64_t c = 0; c < columns; ++c) {
    const double* const row = parameters + c * stride;
    std::transform(row, row + stride, rounded.begin() + c * data_.pitch,
                   [](double value) { return static_cast<T>(value); });
  }
  upload(rounded.data(), columns * data_.pitch, weights, products_.stream());
}

template <class T>
std::vector<double> DevicePass<T>::gradient(const PassSums<T>& sums) {
  fold_gradient(sums);
  std::vector<double> total(static_cast<std::size_t>(shape_.elements()));
  download(carried_gradient_.data(), shape_.elements(), total.data(), products_.stream());
  return total;
}

template <class T>
std::vector<double> DevicePass<T>::losses_of(PassSums<T> sums) {
  for_each_index("adding up losses", shape_.models, products_.stream(),
                 FoldLoss<T>{sums, carried_loss_.data()});
  std::vector<double> total(static_cast<std::size_t>(shape_.models));
  download(carried_loss_.data(), shape_.models, total.data(), products_.stream());
  return total;
}

template class DevicePass<float>;
template class DevicePass<double>;

}  // namespace steepest::kernels
