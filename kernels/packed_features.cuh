// SPDX-License-Identifier: Apache-2.0
// Features in device memory in fewer bits than the arithmetic, as kernels read them.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/standardize.hpp"
#include "steepest/host_device.hpp"

namespace steepest::kernels {

/// Elements from one packed row to the next: a multiple of 16 bytes.
template <class Packed>
[[nodiscard]] STEEPEST_HD constexpr std::int64_t packed_pitch(std::int64_t features) {
  constexpr std::int64_t vector = 16 / static_cast<std::int64_t>(sizeof(Packed));
  return (features + vector - 1) / vector * vector;
}

STEEPEST_HD inline float unpacked(std::uint8_t value, float mean, float inverse) {
  return standardized_byte(static_cast<float>(value), mean, inverse);
}

/// The bits of a bfloat16 are the upper half of a float's.
STEEPEST_HD inline float unpacked(std::uint16_t bits, float /*mean*/, float /*inverse*/) {
  const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16;
  float value = 0.0F;
  memcpy(&value, &wide, sizeof value);
  return value;
}

/// The features of all rows, as bytes or as bfloat16: at most one of the first two is not null. See
/// PackedRows for what they mean.
struct PackedFeatures {
  const std::uint8_t* bytes = nullptr;    ///< (n, packed_pitch)
  const std::uint16_t* halves = nullptr;  ///< (n, packed_pitch), standardized
  std::int64_t features = 0;
  const float* mean = nullptr;     ///< d: of bytes, see standardized_byte
  const float* inverse = nullptr;  ///< d: likewise

  [[nodiscard]] STEEPEST_HD bool are_held() const { return bytes != nullptr || halves != nullptr; }

  /// Element `column` of the row [x, 1, 0 ...] that begins at `row`.
  template <class Packed>
  [[nodiscard]] STEEPEST_HD float element(const Packed* row, std::int64_t column) const {
    return column < features ? standard(row[column], column) : column == features ? 1.0F : 0.0F;
  }

  /// to[i] = element `first` + i of row `row`, `width` of them: a power of two that divides
  /// `first`. A row is held.
  template <int width, class T>
  STEEPEST_HD void read(std::int64_t row, std::int64_t first, T* to) const {
    if (bytes != nullptr) {
      read_of<width>(bytes, row, first, to);
    } else {
      read_of<width>(halves, row, first, to);
    }
  }

 private:
  // One load, which stays within the row: its pitch is a multiple of a load.
  template <class Packed, int width>
  struct alignas(sizeof(Packed) * width) Group {
    Packed at[width];
  };

  template <class Packed>
  [[nodiscard]] STEEPEST_HD float standard(Packed value, std::int64_t column) const {
    return mean == nullptr ? unpacked(value, 0.0F, 1.0F)
                           : unpacked(value, mean[column], inverse[column]);
  }

  template <int width, class T, class Packed>
  STEEPEST_HD void read_of(const Packed* held, std::int64_t row, std::int64_t first, T* to) const {
    Group<Packed, width> group{};
    if (first < features) {
      group = *reinterpret_cast<const Group<Packed, width>*>(
          held + row * packed_pitch<Packed>(features) + first);
    }
    for (int i = 0; i < width; ++i) {
      const std::int64_t column = first + i;
      to[i] = static_cast<T>(column < features    ? standard(group.at[i], column)
                             : column == features ? 1.0F
                                                  : 0.0F);
    }
  }
};

}  // namespace steepest::kernels
