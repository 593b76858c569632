// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "kernels/device_data.cuh"
#include "kernels/matrix_products.cuh"
#include "kernels/row_chunks.hpp"
#include "kernels/standardize.cuh"

namespace steepest::kernels {
namespace {

template <class T, class Source>
DeviceBuffer<T> uploaded(const std::vector<Source>& values, const char* what, cudaStream_t stream) {
  const std::vector<T> rounded(values.begin(), values.end());
  const auto count = static_cast<std::int64_t>(rounded.size());
  DeviceBuffer<T> buffer(count, what);
  upload(rounded.data(), count, buffer.data(), stream);
  return buffer;
}

}  // namespace

template <class T>
DeviceData<T>::DeviceData(const TrainingData& data, cudaStream_t stream)
    : rows_(data.features.rows()),
      features_(data.features.columns()),
      pitch_(row_pitch<T>(features_ + 1)),
      matrix_((rows_ + most_partitions) * pitch_, "features"),
      targets_(uploaded<T>(data.targets, "targets", stream)),
      labels_(uploaded<std::int32_t>(data.labels, "labels", stream)),
      weights_(uploaded<T>(data.weights, "weights", stream)) {
  fill_bytes(matrix_.data() + rows_ * pitch_, most_partitions * pitch_, 0, stream);
  const CopyRows copy = [&](std::int64_t first, std::int64_t rows, float* to) {
    std::copy_n(data.features.row(first), rows * features_, to);
  };
  upload_standardized(rows_, copy, ColumnScales(data.mean, data.scale, data.bytes), pitch_, stream,
                      matrix_.data());
}

template <class T>
DeviceData<T>::DeviceData(const StreamedData& data, cudaStream_t stream)
    : rows_(data.rows->rows()),
      features_(data.rows->feature_count()),
      pitch_(row_pitch<T>(features_ + 1)),
      matrix_((rows_ + most_partitions) * pitch_, "features") {
  const RowSource& source = *data.rows;
  const auto outputs = static_cast<std::int64_t>(data.target_mean.size());
  const bool classifies = source.classifies();
  targets_ = DeviceBuffer<T>(classifies ? 0 : rows_ * outputs, "targets");
  labels_ = DeviceBuffer<std::int32_t>(classifies ? rows_ : 0, "labels");
  weights_ = DeviceBuffer<T>(data.weight_mean > 0.0 ? rows_ : 0, "weights");
  fill_bytes(matrix_.data() + rows_ * pitch_, most_partitions * pitch_, 0, stream);
  RowBuffer buffer;
  std::vector<T> rounded;
  const CopyRows copy = [&](std::int64_t first, std::int64_t rows, float* to) {
    std::copy_n(source.features(first, rows, buffer), rows * features_, to);
    if (classifies) {
      upload(source.labels(first, rows, buffer), rows, labels_.data() + first, stream);
    } else {
      const double* const targets = source.targets(first, rows, buffer);
      rounded.resize(static_cast<std::size_t>(rows * outputs));
      for (std::int64_t i = 0; i < rows * outputs; ++i) {
        const double mean = data.target_mean[static_cast<std::size_t>(i % outputs)];
        rounded[static_cast<std::size_t>(i)] =
            static_cast<T>((targets[i] - mean) / data.target_scale);
      }
      upload(rounded.data(), rows * outputs, targets_.data() + first * outputs, stream);
    }
    if (data.weight_mean > 0.0) {
      const double* const weights = source.weights(first, rows, buffer);
      rounded.resize(static_cast<std::size_t>(rows));
      std::transform(weights, weights + rows, rounded.begin(),
                     [&](double weight) { return static_cast<T>(weight / data.weight_mean); });
      upload(rounded.data(), rows, weights_.data() + first, stream);
    }
  };
  upload_standardized(rows_, copy, ColumnScales(data.mean, data.scale, data.bytes), pitch_, stream,
                      matrix_.data());
}

template <class T>
DeviceRows<T> DeviceData<T>::view() const {
  return {rows_, pitch_, matrix_.data(), targets_.data(), labels_.data(), weights_.data()};
}

template class DeviceData<float>;
template class DeviceData<double>;

}  // namespace steepest::kernels
