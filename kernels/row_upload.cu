// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/for_each_index.cuh"
#include "kernels/row_upload.cuh"

namespace steepest::kernels {
namespace {

constexpr std::int64_t most_piece_bytes = std::int64_t{32} << 20;

std::int64_t rows_of_a_piece(std::int64_t columns, std::int64_t most_rows) {
  const std::int64_t row_bytes = columns * static_cast<std::int64_t>(sizeof(float)) +
                                 static_cast<std::int64_t>(sizeof(std::int64_t));  // and its place
  return std::clamp<std::int64_t>(most_piece_bytes / row_bytes, 1, most_rows);
}

// Element i of a piece laid out (rows, pitch).
template <class T>
struct StandardizeElement {
  const float* raw;  // (rows, features)
  const std::int64_t* places;
  const double* mean;
  const double* inverse;
  bool bytes;
  std::int64_t features;
  std::int64_t pitch;
  T* out;

  STEEPEST_HD void operator()(std::int64_t i) const {
    const std::int64_t row = i / pitch;
    const std::int64_t column = i % pitch;
    T& to = out[places[row] * pitch + column];
    if (column < features) {
      const float value = raw[row * features + column];
      to = static_cast<T>(bytes ? standardized_byte(value, static_cast<float>(mean[column]),
                                                    static_cast<float>(inverse[column]))
                                : standardized(value, mean[column], inverse[column]));
    } else {
      to = column == features ? T(1) : T(0);
    }
  }
};

}  // namespace

template <class T>
RowUpload<T>::RowUpload(const ColumnScales& scales, std::int64_t most_rows, std::int64_t pitch,
                        cudaStream_t stream)
    : columns_(static_cast<std::int64_t>(scales.mean.size())),
      bytes_(scales.bytes),
      pitch_(pitch),
      piece_rows_(rows_of_a_piece(columns_, most_rows)),
      stream_(stream),
      pieces_{Piece{PinnedBuffer<float>(piece_rows_ * columns_),
                    PinnedBuffer<std::int64_t>(piece_rows_), Event()},
              Piece{PinnedBuffer<float>(piece_rows_ * columns_),
                    PinnedBuffer<std::int64_t>(piece_rows_), Event()},
              Piece{PinnedBuffer<float>(piece_rows_ * columns_),
                    PinnedBuffer<std::int64_t>(piece_rows_), Event()}},
      mean_(columns_, "column means"),
      inverse_(columns_, "column scales"),
      rows_(piece_rows_ * columns_, "rows being uploaded"),
      places_(piece_rows_, "places of rows being uploaded") {
  upload(scales.mean.data(), columns_, mean_.data(), stream);
  upload(scales.inverse.data(), columns_, inverse_.data(), stream);
}

template <class T>
RowUpload<T>::~RowUpload() {
  static_cast<void>(cudaStreamSynchronize(stream_));
}

template <class T>
void RowUpload<T>::send(const float* rows, std::int64_t count, const std::int64_t* places, T* out) {
  Piece* piece = &pieces_[next_];
  std::int64_t filled = 0;
  for (std::int64_t r = 0; r < count;) {
    if (places[r] < 0) {
      ++r;
      continue;
    }
    if (filled == 0) {
      piece->copied.wait();
    }
    std::int64_t end = r + 1;  // of rows that go together
    const std::int64_t most = std::min(count, r + piece_rows_ - filled);
    while (end < most && places[end] >= 0) {
      ++end;
    }
    std::copy(rows + r * columns_, rows + end * columns_, piece->rows.data() + filled * columns_);
    std::copy(places + r, places + end, piece->places.data() + filled);
    filled += end - r;
    r = end;
    if (filled == piece_rows_) {
      queue(*piece, filled, out);
      piece = &pieces_[next_];
      filled = 0;
    }
  }
  if (filled > 0) {
    queue(*piece, filled, out);
  }
}

template <class T>
void RowUpload<T>::queue(Piece& piece, std::int64_t count, T* out) {
  const auto rows = static_cast<std::size_t>(count);
  check(cudaMemcpyAsync(rows_.data(), piece.rows.data(),
                        rows * static_cast<std::size_t>(columns_) * sizeof(float),
                        cudaMemcpyHostToDevice, stream_),
        "copying rows to the GPU");
  check(cudaMemcpyAsync(places_.data(), piece.places.data(), rows * sizeof(std::int64_t),
                        cudaMemcpyHostToDevice, stream_),
        "copying rows to the GPU");
  piece.copied.record(stream_);
  for_each_index("standardizing features", count * pitch_, stream_,
                 StandardizeElement<T>{rows_.data(), places_.data(), mean_.data(), inverse_.data(),
                                       bytes_, columns_, pitch_, out});
  next_ = (next_ + 1) % pieces_.size();
}

template class RowUpload<float>;
template class RowUpload<double>;

}  // namespace steepest::kernels
