// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "kernels/device_buffer.cuh"
#include "kernels/for_each_index.cuh"
#include "kernels/pinned_buffer.cuh"
#include "kernels/standardize.cuh"
#include "kernels/standardize.hpp"
#include "kernels/stream.cuh"

namespace steepest::kernels {
namespace {

constexpr std::int64_t piece_bytes = std::int64_t{32} << 20;

// Element i of a piece laid out (rows, pitch).
template <class T>
struct StandardizeElement {
  const float* raw;  // (rows, features)
  const double* mean;
  const double* inverse;
  bool bytes;
  std::int64_t features;
  std::int64_t pitch;
  T* out;

  STEEPEST_HD void operator()(std::int64_t i) const {
    const std::int64_t row = i / pitch;
    const std::int64_t column = i % pitch;
    if (column < features) {
      const float value = raw[row * features + column];
      out[i] = static_cast<T>(bytes ? standardized_byte(value, static_cast<float>(mean[column]),
                                                        static_cast<float>(inverse[column]))
                                    : standardized(value, mean[column], inverse[column]));
    } else {
      out[i] = column == features ? T(1) : T(0);
    }
  }
};

}  // namespace

template <class T>
void upload_standardized(std::int64_t rows, const CopyRows& copy, const ColumnScales& scales,
                         std::int64_t pitch, cudaStream_t stream, T* out) {
  const auto columns = static_cast<std::int64_t>(scales.mean.size());
  const std::int64_t row_bytes = columns * static_cast<std::int64_t>(sizeof(float));
  const std::int64_t piece_rows = std::clamp<std::int64_t>(piece_bytes / row_bytes, 1, rows);
  DeviceBuffer<double> device_mean(columns, "column means");
  DeviceBuffer<double> device_inverse(columns, "column scales");
  upload(scales.mean.data(), columns, device_mean.data(), stream);
  upload(scales.inverse.data(), columns, device_inverse.data(), stream);
  DeviceBuffer<float> raw(piece_rows * columns, "rows being uploaded");
  std::array<PinnedBuffer<float>, 2> staging{PinnedBuffer<float>(piece_rows * columns),
                                             PinnedBuffer<float>(piece_rows * columns)};
  std::array<Event, 2> copied;
  std::size_t slot = 0;
  for (std::int64_t first = 0; first < rows; first += piece_rows) {
    const std::int64_t count = std::min(piece_rows, rows - first);
    const auto bytes = static_cast<std::size_t>(count * row_bytes);
    copied[slot].wait();
    copy(first, count, staging[slot].data());
    check(cudaMemcpyAsync(raw.data(), staging[slot].data(), bytes, cudaMemcpyHostToDevice, stream),
          "copying rows to the GPU");
    copied[slot].record(stream);
    for_each_index("standardizing features", count * pitch, stream,
                   StandardizeElement<T>{raw.data(), device_mean.data(), device_inverse.data(),
                                         scales.bytes, columns, pitch, out + first * pitch});
    slot = 1 - slot;
  }
  check(cudaStreamSynchronize(stream), "standardizing features");
}

template void upload_standardized(std::int64_t, const CopyRows&, const ColumnScales&, std::int64_t,
                                  cudaStream_t, float*);
template void upload_standardized(std::int64_t, const CopyRows&, const ColumnScales&, std::int64_t,
                                  cudaStream_t, double*);

}  // namespace steepest::kernels
