// SPDX-License-Identifier: Apache-2.0
// What the vector loops over tiles share, compiled once for every instruction set by Highway:
// include after hwy/highway.h, inside no namespace.
#if defined(STEEPEST_KERNELS_TILE_BLOCKS_INL_HPP) == defined(HWY_TARGET_TOGGLE)
#ifdef STEEPEST_KERNELS_TILE_BLOCKS_INL_HPP
#undef STEEPEST_KERNELS_TILE_BLOCKS_INL_HPP
#else
#define STEEPEST_KERNELS_TILE_BLOCKS_INL_HPP
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace steepest::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr bool many_registers = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64;

// The widest vectors of T, of at most 64 bytes.
template <class T>
using Tag = hn::CappedTag<T, 64 / sizeof(T)>;

// Features are float in memory; V lanes of T in registers.
HWY_INLINE hn::VFromD<Tag<float>> load_features(Tag<float> d, const float* from) {
  return hn::LoadU(d, from);
}

HWY_INLINE hn::VFromD<Tag<double>> load_features(Tag<double> d, const float* from) {
  const hn::Rebind<float, decltype(d)> half;
  return hn::PromoteTo(d, hn::LoadU(half, from));
}

// Asks for `floats` floats from `from` on, into the second cache: a tile does not fit the first.
template <std::size_t floats>
HWY_INLINE void prefetch(const float* from) {
  constexpr std::size_t line_floats = 16;
  for (std::size_t offset = 0; offset < floats; offset += line_floats) {
    __builtin_prefetch(from + offset, 0, 2);
  }
}

// The lanes of v, halves added to halves.
template <class D>
HWY_INLINE hn::TFromD<D> sum_of_halves([[maybe_unused]] D d, hn::VFromD<D> v) {
#if HWY_TARGET == HWY_SCALAR
  return hn::GetLane(v);
#elif HWY_HAVE_SCALABLE
  HWY_ALIGN hn::TFromD<D> lanes[hn::MaxLanes(D())];
  hn::Store(v, d, lanes);
  for (std::size_t half = hn::Lanes(d) / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) {
      lanes[i] += lanes[i + half];
    }
  }
  return lanes[0];
#else
  if constexpr (hn::MaxLanes(D()) == 1) {
    return hn::GetLane(v);
  } else {
    const hn::Half<D> half;
    return sum_of_halves(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
#endif
}

// body(width constant, first) for a width in [1, most].
template <int most, class Body, int tried = most>
HWY_INLINE void with_width(std::int64_t width, std::int64_t first, Body& body) {
  if constexpr (tried == 1) {
    body(std::integral_constant<int, 1>(), first);
  } else if (width == tried) {
    body(std::integral_constant<int, tried>(), first);
  } else {
    with_width<most, Body, tried - 1>(width, first, body);
  }
}

// Cuts [0, count) into blocks of equal width, at most `most`; body(width constant, first).
template <int most, class Body>
HWY_INLINE void for_blocks(std::int64_t count, Body body) {
  const std::int64_t blocks = (count + most - 1) / most;
  for (std::int64_t block = 0; block < blocks; ++block) {
    const std::int64_t first = block * count / blocks;
    with_width<most>((block + 1) * count / blocks - first, first, body);
  }
}

}  // namespace steepest::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
