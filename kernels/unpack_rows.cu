// SPDX-License-Identifier: Apache-2.0
#include "kernels/for_each_index.cuh"
#include "kernels/unpack_rows.cuh"

namespace steepest::kernels {
namespace {

// Element i of `out`.
template <class T, class Packed>
struct UnpackElement {
  PackedFeatures place;
  const Packed* from = nullptr;
  std::int64_t from_pitch = 0;
  const std::int64_t* indexes = nullptr;
  std::int64_t rows = 0;
  std::int64_t pitch = 0;
  T* out = nullptr;

  STEEPEST_HD void operator()(std::int64_t i) const {
    const std::int64_t row = i / pitch;
    if (row >= rows) {
      out[i] = T(0);
      return;
    }
    const std::int64_t at = indexes == nullptr ? row : indexes[row];
    out[i] = static_cast<T>(place.element(from + at * from_pitch, i % pitch));
  }
};

template <class T, class Packed>
void unpack(const PackedPlace& place, const Packed* held, RowWindows<Packed>* windows,
            const RowSelection& part, const std::int64_t* indexes, std::int64_t whole,
            const RowsAhead& ahead, std::int64_t padded_rows, std::int64_t pitch,
            cudaStream_t stream, T* out) {
  const std::int64_t from_pitch = packed_pitch<Packed>(place.features);
  const Packed* from = held;
  if (windows != nullptr) {
    from = windows->at(part, whole, ahead);
    indexes = nullptr;
  } else if (indexes == nullptr) {
    from += part.first * from_pitch;
  }
  for_each_index(
      "unpacking rows", padded_rows * pitch, stream,
      UnpackElement<T, Packed>{place, from, from_pitch, indexes, part.count, pitch, out});
  if (windows != nullptr) {
    windows->release();
  }
}

}  // namespace

template <class T>
void queue_unpack(const PackedPlace& place, const RowSelection& part, const std::int64_t* indexes,
                  std::int64_t whole, const RowsAhead& ahead, std::int64_t padded_rows,
                  std::int64_t pitch, cudaStream_t stream, T* out) {
  if (place.bytes != nullptr || place.byte_windows != nullptr) {
    unpack(place, place.bytes, place.byte_windows, part, indexes, whole, ahead, padded_rows, pitch,
           stream, out);
  } else {
    unpack(place, place.halves, place.half_windows, part, indexes, whole, ahead, padded_rows, pitch,
           stream, out);
  }
}

template void queue_unpack(const PackedPlace&, const RowSelection&, const std::int64_t*,
                           std::int64_t, const RowsAhead&, std::int64_t, std::int64_t, cudaStream_t,
                           float*);
template void queue_unpack(const PackedPlace&, const RowSelection&, const std::int64_t*,
                           std::int64_t, const RowsAhead&, std::int64_t, std::int64_t, cudaStream_t,
                           double*);

}  // namespace steepest::kernels
