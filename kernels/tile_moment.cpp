// SPDX-License-Identifier: Apache-2.0
// Compiled once for every instruction set by Highway; the best one is chosen at run time.
#include "kernels/tile_moment.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tile_moment.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
// After foreach_target.h
#include <hwy/highway.h>

#include "kernels/tile_blocks-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace steepest::kernels::HWY_NAMESPACE {
namespace {

// Accumulators, operands and one broadcast fit the vector registers.
constexpr int block_elements = many_registers ? 8 : 4;
constexpr int block_vectors = 3;
constexpr std::int64_t line_bytes = 64;

template <int Elements, int Vectors, class T>
HWY_INLINE void moment_block(const T* left, const T* right, std::int64_t count, std::int64_t pitch,
                             const char* ahead, T* sums) {
  const Tag<T> d;
  using V = hn::VFromD<Tag<T>>;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V block[Elements][Vectors];
  for (int i = 0; i < Elements; ++i) {
    for (int v = 0; v < Vectors; ++v) {
      block[i][v] = hn::LoadU(d, sums + i * pitch + v * lanes);
    }
  }
  for (int i = 0; i < Elements; ++i) {
    for (int v = Vectors; v < 2 * Vectors; ++v) {  // the block to the right is next
      __builtin_prefetch(sums + i * pitch + v * lanes, 1, 3);
    }
  }
  for (std::int64_t r = 0; r < count; ++r, left += pitch, right += pitch) {
    if (ahead != nullptr) {
      __builtin_prefetch(ahead + r * line_bytes, 0, 3);
    }
    V x[Vectors];
    for (int v = 0; v < Vectors; ++v) {
      x[v] = hn::LoadU(d, right + v * lanes);
    }
    for (int i = 0; i < Elements; ++i) {
      const V factor = hn::Set(d, left[i]);
      for (int v = 0; v < Vectors; ++v) {
        block[i][v] = hn::MulAdd(factor, x[v], block[i][v]);
      }
    }
  }
  for (int i = 0; i < Elements; ++i) {
    for (int v = 0; v < Vectors; ++v) {
      hn::StoreU(block[i][v], d, sums + i * pitch + v * lanes);
    }
  }
}

// Blocks of elements from the diagonal to the right. They begin at whole vectors where vectors are
// as long as blocks, so that little is computed left of the diagonal.
template <class T>
void moment_on_target(const T* left, const T* right, std::int64_t count, std::int64_t width,
                      const float* ahead, std::int64_t ahead_bytes, T* sums) {
  const char* next = reinterpret_cast<const char*>(ahead);
  const char* const end = next + (ahead == nullptr ? 0 : ahead_bytes);
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag<T>()));
  const std::int64_t pitch = panel_pitch<T>(width);
  const std::int64_t vectors = (width + lanes - 1) / lanes;
  for (std::int64_t i = 0; i < width; i += block_elements) {
    const std::int64_t diagonal = i / lanes;
    const auto across = [&](auto high, std::int64_t /*first*/) {
      for_blocks<block_vectors>(vectors - diagonal, [&](auto wide, std::int64_t vector) {
        const std::int64_t j = (diagonal + vector) * lanes;
        const bool asks = next < end;
        moment_block<high.value, wide.value>(left + i, right + j, count, pitch,
                                             asks ? next : nullptr, sums + i * pitch + j);
        next += asks ? count * line_bytes : 0;
      });
    };
    with_width<block_elements>(std::min<std::int64_t>(block_elements, width - i), i, across);
  }
}

template <class T>
void widen_on_target(const float* const* rows, std::int64_t count, std::int64_t features,
                     std::int64_t pitch, T* panel) {
  const Tag<T> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t r = 0; r < count; ++r, panel += pitch) {
    for (std::int64_t j = 0; j < features; j += lanes) {
      hn::StoreU(load_features(d, rows[r] + j), d, panel + j);
    }
  }
}

}  // namespace

void moment_float(const float* left, const float* right, std::int64_t count, std::int64_t width,
                  const float* ahead, std::int64_t ahead_bytes, float* sums) {
  moment_on_target(left, right, count, width, ahead, ahead_bytes, sums);
}

void moment_double(const double* left, const double* right, std::int64_t count, std::int64_t width,
                   const float* ahead, std::int64_t ahead_bytes, double* sums) {
  moment_on_target(left, right, count, width, ahead, ahead_bytes, sums);
}

void widen_float(const float* const* rows, std::int64_t count, std::int64_t features,
                 std::int64_t pitch, float* panel) {
  widen_on_target(rows, count, features, pitch, panel);
}

void widen_double(const float* const* rows, std::int64_t count, std::int64_t features,
                  std::int64_t pitch, double* panel) {
  widen_on_target(rows, count, features, pitch, panel);
}

}  // namespace steepest::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest::kernels {

HWY_EXPORT(moment_float);
HWY_EXPORT(moment_double);
HWY_EXPORT(widen_float);
HWY_EXPORT(widen_double);

template <>
void tile_moment(const float* left, const float* right, std::int64_t count, std::int64_t width,
                 const float* ahead, std::int64_t ahead_bytes, float* sums) {
  HWY_DYNAMIC_DISPATCH(moment_float)(left, right, count, width, ahead, ahead_bytes, sums);
}

template <>
void tile_moment(const double* left, const double* right, std::int64_t count, std::int64_t width,
                 const float* ahead, std::int64_t ahead_bytes, double* sums) {
  HWY_DYNAMIC_DISPATCH(moment_double)(left, right, count, width, ahead, ahead_bytes, sums);
}

template <>
void widen_rows(const float* const* rows, std::int64_t count, std::int64_t features,
                std::int64_t pitch, float* panel) {
  HWY_DYNAMIC_DISPATCH(widen_float)(rows, count, features, pitch, panel);
}

template <>
void widen_rows(const float* const* rows, std::int64_t count, std::int64_t features,
                std::int64_t pitch, double* panel) {
  HWY_DYNAMIC_DISPATCH(widen_double)(rows, count, features, pitch, panel);
}

}  // namespace steepest::kernels
#endif  // HWY_ONCE
