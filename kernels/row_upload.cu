// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/for_each_index.cuh"
#include "kernels/packed_rows.hpp"
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

// Likewise, of rows that the host has packed.
template <class Packed>
struct PlaceElement {
  const Packed* packed;  // (rows, features)
  const std::int64_t* places;
  std::int64_t features;
  std::int64_t pitch;
  Packed* out;

  STEEPEST_HD void operator()(std::int64_t i) const {
    const std::int64_t row = i / pitch;
    const std::int64_t column = i % pitch;
    out[places[row] * pitch + column] =
        column < features ? packed[row * features + column] : Packed(0);
  }
};

}  // namespace

template <class Stored>
RowUpload<Stored>::RowUpload(const ColumnScales& scales, std::int64_t most_rows, std::int64_t pitch,
                             cudaStream_t stream)
    : scales_(scales),
      columns_(static_cast<std::int64_t>(scales.mean.size())),
      pitch_(pitch),
      piece_rows_(rows_of_a_piece(columns_, most_rows)),
      stream_(stream),
      pieces_{Piece{PinnedBuffer<Wire>(piece_rows_ * columns_),
                    PinnedBuffer<std::int64_t>(piece_rows_), Event()},
              Piece{PinnedBuffer<Wire>(piece_rows_ * columns_),
                    PinnedBuffer<std::int64_t>(piece_rows_), Event()},
              Piece{PinnedBuffer<Wire>(piece_rows_ * columns_),
                    PinnedBuffer<std::int64_t>(piece_rows_), Event()}},
      mean_(columns_, "column means"),
      inverse_(columns_, "column scales"),
      rows_(piece_rows_ * columns_, "rows being uploaded"),
      places_(piece_rows_, "places of rows being uploaded") {
  upload(scales.mean.data(), columns_, mean_.data(), stream);
  upload(scales.inverse.data(), columns_, inverse_.data(), stream);
}

template <class Stored>
RowUpload<Stored>::~RowUpload() {
  if (cudaStreamSynchronize(stream_) != cudaSuccess) {
    static_cast<void>(cudaGetLastError());  // not to be taken for a later call's
  }
}

template <class Stored>
void RowUpload<Stored>::send(const float* rows, std::int64_t count, const std::int64_t* places,
                             Stored* out) {
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
    copy(rows + r * columns_, end - r, piece->rows.data() + filled * columns_);
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

template <class Stored>
void RowUpload<Stored>::copy(const float* rows, std::int64_t count, Wire* to) {
  const float* const end = rows + count * columns_;
  if constexpr (std::is_same_v<Stored, std::uint8_t>) {
    std::transform(rows, end, to, [](float value) { return static_cast<std::uint8_t>(value); });
  } else if constexpr (std::is_same_v<Stored, std::uint16_t>) {
    standardized_.resize(static_cast<std::size_t>(count * columns_));
    standardize_rows(rows, count, scales_, standardized_.data());
    std::transform(standardized_.begin(), standardized_.end(), to, to_bfloat16);
  } else {
    std::copy(rows, end, to);
  }
}

template <class Stored>
void RowUpload<Stored>::queue(Piece& piece, std::int64_t count, Stored* out) {
  const auto rows = static_cast<std::size_t>(count);
  check(cudaMemcpyAsync(rows_.data(), piece.rows.data(),
                        rows * static_cast<std::size_t>(columns_) * sizeof(Wire),
                        cudaMemcpyHostToDevice, stream_),
        "copying rows to the GPU");
  check(cudaMemcpyAsync(places_.data(), piece.places.data(), rows * sizeof(std::int64_t),
                        cudaMemcpyHostToDevice, stream_),
        "copying rows to the GPU");
  piece.copied.record(stream_);
  if constexpr (packs) {
    for_each_index("placing rows", count * pitch_, stream_,
                   PlaceElement<Stored>{rows_.data(), places_.data(), columns_, pitch_, out});
  } else {
    for_each_index(
        "standardizing features", count * pitch_, stream_,
        StandardizeElement<Stored>{rows_.data(), places_.data(), mean_.data(), inverse_.data(),
                                   scales_.bytes, columns_, pitch_, out});
  }
  next_ = (next_ + 1) % pieces_.size();
}

template class RowUpload<float>;
template class RowUpload<double>;
template class RowUpload<std::uint8_t>;
template class RowUpload<std::uint16_t>;

}  // namespace steepest::kernels
