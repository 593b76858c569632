// SPDX-License-Identifier: Apache-2.0
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
  upload_standardized(data.features, data.mean, data.scale, pitch_, stream, matrix_.data());
}

template <class T>
DeviceRows<T> DeviceData<T>::view() const {
  return {rows_, pitch_, matrix_.data(), targets_.data(), labels_.data(), weights_.data()};
}

template class DeviceData<float>;
template class DeviceData<double>;

}  // namespace steepest::kernels
