// SPDX-License-Identifier: Apache-2.0
// Compiled once for every instruction set by Highway; the best one is chosen at run time.
#include "kernels/tile_squared.hpp"

#include <algorithm>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tile_squared.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
// After foreach_target.h
#include <hwy/highway.h>

#include "kernels/tile_blocks-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace steepest::kernels::HWY_NAMESPACE {
namespace {

constexpr int register_vectors = 13;  // of a gradient that stays in registers

// Rows that tile_squared takes at a time. Floats come as fast as memory gives them one by one;
// chains of doubles, converted, are longer than a processor looks ahead.
template <class T>
constexpr int squared_rows = many_registers || std::is_same_v<T, float> ? 1 : 4;

// Whether a row fits the registers beside as much of the gradient.
template <int Rows, int Vectors>
constexpr bool keeps_rows = many_registers || (Rows == 1 && Vectors <= 7);

// Rows `first` to `first` + Rows of the tile, into `gradient`, which stays in registers. The rows
// do where there is room for both; else they are loaded and converted twice, the second time from
// the nearest cache.
template <int Rows, int Vectors, class T>
HWY_INLINE void squared_block(const TileRows& tile, const std::int64_t* indexes, std::int64_t first,
                              const SquaredColumn<T>& column,
                              hn::VFromD<Tag<T>> (&gradient)[Vectors]) {
  const Tag<T> d;
  using V = hn::VFromD<Tag<T>>;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto last_sum = static_cast<std::int64_t>(hn::Lanes(Tag<double>())) - 1;
  const float* const* const rows = tile.rows + first;
  if (tile.next != nullptr) {
    for (int r = 0; r < Rows; ++r) {
      prefetch<Vectors * hn::MaxLanes(Tag<T>())>(tile.next[first + r]);
    }
  }
  constexpr int kept_vectors = std::max(1, Vectors * int{keeps_rows<Rows, Vectors>});
  [[maybe_unused]] V kept[kept_vectors][Rows];
  V sums[Rows];
  for (V& sum : sums) {
    sum = hn::Zero(d);
  }
  for (int v = 0; v < Vectors; ++v) {
    const V w = hn::LoadU(d, column.weights + v * lanes);
    for (int r = 0; r < Rows; ++r) {
      const V x = load_features(d, rows[r] + v * lanes);
      sums[r] = hn::MulAdd(x, w, sums[r]);
      if constexpr (keeps_rows<Rows, Vectors>) {
        kept[v][r] = x;
      }
    }
  }
  V residuals[Rows];
  for (int r = 0; r < Rows; ++r) {
    const T score = column.intercept + sum_of_halves(d, sums[r]);
    const std::int64_t i = indexes[first + r];
    const T weight = column.row_weights == nullptr ? T(1) : static_cast<T>(column.row_weights[i]);
    const T error = score - static_cast<T>(column.targets[i]);
    const T residual = weight * error;
    const std::int64_t lane = (first + r) & last_sum;
    column.loss[lane] += static_cast<double>(T(0.5) * (residual * error));
    column.residuals[lane] += static_cast<double>(residual);
    residuals[r] = hn::Set(d, residual);
  }
  for (int v = 0; v < Vectors; ++v) {
    for (int r = 0; r < Rows; ++r) {
      V x;
      if constexpr (keeps_rows<Rows, Vectors>) {
        x = kept[v][r];
      } else {
        x = load_features(d, rows[r] + v * lanes);
      }
      gradient[v] = hn::MulAdd(x, residuals[r], gradient[v]);
    }
  }
}

template <int Vectors, class T>
void squared_in_registers(const TileRows& tile, const std::int64_t* indexes,
                          const SquaredColumn<T>& column) {
  const Tag<T> d;
  using V = hn::VFromD<Tag<T>>;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V gradient[Vectors];
  for (int v = 0; v < Vectors; ++v) {
    gradient[v] = hn::LoadU(d, column.gradient + v * lanes);
  }
  std::int64_t r = 0;
  for (; r + squared_rows<T> <= tile.count; r += squared_rows<T>) {
    squared_block<squared_rows<T>>(tile, indexes, r, column, gradient);
  }
  for (; r < tile.count; ++r) {
    squared_block<1>(tile, indexes, r, column, gradient);
  }
  for (int v = 0; v < Vectors; ++v) {
    hn::StoreU(gradient[v], d, column.gradient + v * lanes);
  }
}

template <class T>
bool squared_on_target(const TileRows& tile, const std::int64_t* indexes,
                       SquaredColumn<T>& column) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag<T>()));
  const std::int64_t vectors = (tile.features + lanes - 1) / lanes;
  if (vectors < 1 || vectors > register_vectors) {
    return false;
  }
  const auto pass = [&](auto width, std::int64_t /*first*/) {
    squared_in_registers<width.value>(tile, indexes, column);
  };
  with_width<register_vectors>(vectors, 0, pass);
  return true;
}

}  // namespace

bool squared_float(const TileRows& tile, const std::int64_t* indexes,
                   SquaredColumn<float>& column) {
  return squared_on_target(tile, indexes, column);
}

bool squared_double(const TileRows& tile, const std::int64_t* indexes,
                    SquaredColumn<double>& column) {
  return squared_on_target(tile, indexes, column);
}

}  // namespace steepest::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest::kernels {

HWY_EXPORT(squared_float);
HWY_EXPORT(squared_double);

template <>
bool tile_squared(const TileRows& tile, const std::int64_t* indexes, SquaredColumn<float>& column) {
  return HWY_DYNAMIC_DISPATCH(squared_float)(tile, indexes, column);
}

template <>
bool tile_squared(const TileRows& tile, const std::int64_t* indexes,
                  SquaredColumn<double>& column) {
  return HWY_DYNAMIC_DISPATCH(squared_double)(tile, indexes, column);
}

}  // namespace steepest::kernels
#endif  // HWY_ONCE
