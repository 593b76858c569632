// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/device_data.cuh"
#include "kernels/matrix_products.cuh"
#include "kernels/packed_rows.hpp"
#include "kernels/row_chunks.hpp"
#include "kernels/row_upload.cuh"

namespace steepest::kernels {
namespace {

// Read at a time.
constexpr std::int64_t block_bytes = std::int64_t{16} << 20;

template <class T, class Source>
DeviceBuffer<T> uploaded(const std::vector<Source>& values, const char* what, cudaStream_t stream) {
  const std::vector<T> rounded(values.begin(), values.end());
  const auto count = static_cast<std::int64_t>(rounded.size());
  DeviceBuffer<T> buffer(count, what);
  upload(rounded.data(), count, buffer.data(), stream);
  return buffer;
}

// body(first, count) for blocks of rows in order.
template <class Body>
void for_each_block(std::int64_t rows, std::int64_t columns, const Body& body) {
  const std::int64_t row_bytes = columns * static_cast<std::int64_t>(sizeof(float));
  const std::int64_t most = std::clamp<std::int64_t>(block_bytes / row_bytes, 1, rows);
  for (std::int64_t first = 0; first < rows; first += most) {
    body(first, std::min(most, rows - first));
  }
}

// Of two, so that they take half of what is free, and passes have the rest: an eighth where passes
// unpack the rows of a window, which then take up to eight times as much.
std::int64_t rows_of_a_window(std::int64_t rows, std::int64_t row_bytes, bool packed) {
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
  check(cudaMemGetInfo(&free_bytes, &total_bytes), "asking for its free memory");
  const std::int64_t share = static_cast<std::int64_t>(free_bytes) / (packed ? 16 : 4);
  return std::clamp<std::int64_t>(share / row_bytes - most_partitions, 1, rows);
}

}  // namespace

template <class T>
DeviceData<T>::DeviceData(TrainingData data, RowPlace place, cudaStream_t stream)
    : rows_(data.features.rows()),
      features_(data.features.columns()),
      pitch_(row_pitch<T>(features_ + 1)),
      stream_(stream),
      scales_(data.mean, data.scale, data.bytes),
      storage_(data.storage == Storage::bfloat16              ? Storage::bfloat16
               : data.storage == Storage::uint8 && data.bytes ? Storage::uint8
                                                              : Storage::float32) {
  allocate(place);
  targets_ = uploaded<T>(data.targets, "targets", stream);
  labels_ = uploaded<std::int32_t>(data.labels, "labels", stream);
  weights_ = uploaded<T>(data.weights, "weights", stream);
  const auto features = std::make_shared<const FeatureMatrix>(std::move(data.features));
  read_ = [features](std::int64_t first, std::int64_t /*count*/) { return features->row(first); };
  place_features(place);
}

template <class T>
DeviceData<T>::DeviceData(const StreamedData& data, RowPlace place, cudaStream_t stream)
    : rows_(data.rows->rows()),
      features_(data.rows->feature_count()),
      pitch_(row_pitch<T>(features_ + 1)),
      stream_(stream),
      scales_(data.mean, data.scale, data.bytes) {
  allocate(place);
  const RowSource& source = *data.rows;
  const auto outputs = static_cast<std::int64_t>(data.target_mean.size());
  const bool classifies = source.classifies();
  targets_ = DeviceBuffer<T>(classifies ? 0 : rows_ * outputs, "targets");
  labels_ = DeviceBuffer<std::int32_t>(classifies ? rows_ : 0, "labels");
  weights_ = DeviceBuffer<T>(data.weight_mean > 0.0 ? rows_ : 0, "weights");
  RowBuffer buffer;
  std::vector<T> rounded;
  for_each_block(rows_, features_, [&](std::int64_t first, std::int64_t rows) {
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
  });
  read_ = [from = data.rows, own = std::make_shared<RowBuffer>()](std::int64_t first,
                                                                  std::int64_t count) {
    return from->features(first, count, *own);
  };
  place_features(place);
}

template <class T>
void DeviceData<T>::allocate(RowPlace place) {
  if (storage_ == Storage::uint8) {
    mean_ = uploaded<float>(scales_.byte_mean, "column means", stream_);
    inverse_ = uploaded<float>(scales_.byte_inverse, "column scales", stream_);
  }
  if (place == RowPlace::windows) {
    return;
  }
  constexpr const char* what = "features, which --engine stream leaves on the host,";
  if (storage_ == Storage::uint8) {
    bytes_ = DeviceBuffer<std::uint8_t>(rows_ * packed_pitch<std::uint8_t>(features_), what);
  } else if (storage_ == Storage::bfloat16) {
    halves_ = DeviceBuffer<std::uint16_t>(rows_ * packed_pitch<std::uint16_t>(features_), what);
  } else {
    matrix_ = DeviceBuffer<T>((rows_ + most_partitions) * pitch_, what);
    fill_bytes(matrix_.data() + rows_ * pitch_, most_partitions * pitch_, 0, stream_);
  }
}

template <class T>
template <class Stored>
void DeviceData<T>::place_as(RowPlace place, std::int64_t pitch, DeviceBuffer<Stored>& held,
                             std::unique_ptr<RowWindows<Stored>>& windows) {
  if (place == RowPlace::windows) {
    const std::int64_t row_bytes = pitch * static_cast<std::int64_t>(sizeof(Stored));
    windows = std::make_unique<RowWindows<Stored>>(
        read_, rows_, scales_, pitch,
        rows_of_a_window(rows_, row_bytes, !std::is_floating_point_v<Stored>), stream_);
    return;
  }
  RowUpload<Stored> upload(scales_, rows_, pitch, stream_);
  std::vector<std::int64_t> places;
  for_each_block(rows_, features_, [&](std::int64_t first, std::int64_t count) {
    places.resize(static_cast<std::size_t>(count));
    std::iota(places.begin(), places.end(), first);
    upload.send(read_(first, count), count, places.data(), held.data());
  });
  check(cudaStreamSynchronize(stream_), "standardizing features");
  read_ = {};
}

template <class T>
void DeviceData<T>::place_features(RowPlace place) {
  if (storage_ == Storage::uint8) {
    place_as(place, packed_pitch<std::uint8_t>(features_), bytes_, byte_windows_);
  } else if (storage_ == Storage::bfloat16) {
    place_as(place, packed_pitch<std::uint16_t>(features_), halves_, half_windows_);
  } else {
    place_as(place, pitch_, matrix_, windows_);
  }
}

template <class T>
PassRows<T> DeviceData<T>::pass_rows() {
  PassRows<T> rows;
  rows.held = view();
  rows.windows = windows_.get();
  rows.packed = {{bytes_.data(), halves_.data(), features_, mean_.data(), inverse_.data()},
                 byte_windows_.get(),
                 half_windows_.get()};
  return rows;
}

template <class T>
void DeviceData<T>::copy_rows(std::int64_t first, std::int64_t count, T* out) {
  if (read_ != nullptr) {
    std::vector<float> standardized;
    for_each_block(count, features_, [&](std::int64_t begin, std::int64_t size) {
      standardized.resize(static_cast<std::size_t>(size * features_));
      standardize_rows(read_(first + begin, size), size, scales_, standardized.data());
      if (storage_ == Storage::bfloat16) {
        std::transform(standardized.begin(), standardized.end(), standardized.begin(),
                       [](float value) { return from_bfloat16(to_bfloat16(value)); });
      }
      out = std::copy(standardized.begin(), standardized.end(), out);
    });
    return;
  }
  const bool packed = storage_ != Storage::float32;
  DeviceBuffer<T> unpacked(packed ? count * pitch_ : 0, "rows unpacked");
  if (packed) {
    RowSelection part = RowSelection::all(rows_);
    part.first = first;
    part.count = count;
    queue_unpack(pass_rows().packed, part, nullptr, count, {first + count, false}, count, pitch_,
                 stream_, unpacked.data());
  }
  const T* const from = packed ? unpacked.data() : matrix_.data() + first * pitch_;
  std::vector<T> padded(static_cast<std::size_t>(count * pitch_));
  download(from, count * pitch_, padded.data(), stream_);
  for (std::int64_t r = 0; r < count; ++r) {
    out = std::copy_n(padded.data() + r * pitch_, features_, out);
  }
}

template <class T>
DeviceRows<T> DeviceData<T>::view() const {
  return {rows_, pitch_, matrix_.data(), targets_.data(), labels_.data(), weights_.data()};
}

template class DeviceData<float>;
template class DeviceData<double>;

}  // namespace steepest::kernels
