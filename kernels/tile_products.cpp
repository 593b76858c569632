// SPDX-License-Identifier: Apache-2.0
// Compiled once for every instruction set by Highway; the best one is chosen at run time.
#include "kernels/tile_products.hpp"

#include <algorithm>
#include <cstddef>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tile_products.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
// After foreach_target.h
#include <hwy/highway.h>

#include "kernels/tile_blocks-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace steepest::kernels::HWY_NAMESPACE {
namespace {

// Blocks sized so that accumulators, operands and one broadcast fit the vector registers.
constexpr int block_rows = many_registers ? 4 : 2;
constexpr int block_columns = 5;
constexpr int score_columns_at_once = many_registers ? 10 : 5;
constexpr int block_vectors = many_registers ? 4 : 2;
constexpr int one_column_vectors = 8;
constexpr int register_vectors = 13;  // of a gradient that stays in registers

// Rows that tile_squared takes at a time. Floats come as fast as memory gives them one by one;
// chains of doubles, converted, are longer than a processor looks ahead.
template <class T>
constexpr int squared_rows = many_registers || std::is_same_v<T, float> ? 1 : 4;

// Whether a row fits the registers beside as much of the gradient.
template <int Rows, int Vectors>
constexpr bool keeps_rows = many_registers || (Rows == 1 && Vectors <= 7);

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

template <int Rows, int Columns, class T>
HWY_INLINE void score_block(const float* const* rows, const float* const* next,
                            std::int64_t features, const T* weights, std::int64_t padded,
                            const T* intercepts, T* scores, std::int64_t pitch) {
  const Tag<T> d;
  using V = hn::VFromD<Tag<T>>;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V sums[Rows][Columns];
  for (auto& row : sums) {
    for (V& sum : row) {
      sum = hn::Zero(d);
    }
  }
  for (std::int64_t j = 0; j < features; j += lanes) {
    V w[Columns];
    for (int c = 0; c < Columns; ++c) {
      w[c] = hn::LoadU(d, weights + c * padded + j);
    }
    if (next != nullptr) {
      for (int r = 1; r < Rows; r += 2) {
        prefetch<hn::MaxLanes(Tag<T>())>(next[r] + j);
      }
    }
    for (int r = 0; r < Rows; ++r) {
      const V x = load_features(d, rows[r] + j);
      for (int c = 0; c < Columns; ++c) {
        sums[r][c] = hn::MulAdd(x, w[c], sums[r][c]);
      }
    }
  }
  for (int r = 0; r < Rows; ++r) {
    for (int c = 0; c < Columns; ++c) {
      scores[c * pitch + r] = intercepts[c] + sum_of_halves(d, sums[r][c]);
    }
  }
}

// Fewer rows for more columns, so that the sums fit the registers.
template <int Columns>
constexpr int rows_for = Columns > 5 ? block_rows / 2 : block_rows;

template <int Columns, class T>
void score_columns(const TileRows& tile, bool asks, const T* weights, std::int64_t padded,
                   const T* intercepts, T* scores, std::int64_t pitch) {
  const float* const* const next = asks ? tile.next : nullptr;
  std::int64_t r = 0;
  for (; r + rows_for<Columns> <= tile.count; r += rows_for<Columns>) {
    score_block<rows_for<Columns>, Columns>(tile.rows + r, next == nullptr ? nullptr : next + r,
                                            tile.features, weights, padded, intercepts, scores + r,
                                            pitch);
  }
  for (; r < tile.count; ++r) {
    score_block<1, Columns>(tile.rows + r, nullptr, tile.features, weights, padded, intercepts,
                            scores + r, pitch);
  }
}

template <int Vectors, int Columns, class T>
HWY_INLINE void gradient_block(const TileRows& tile, bool asks, std::int64_t j, const T* residuals,
                               std::int64_t pitch, T* gradient, std::int64_t padded) {
  const Tag<T> d;
  using V = hn::VFromD<Tag<T>>;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V sums[Vectors][Columns];
  for (int v = 0; v < Vectors; ++v) {
    for (int c = 0; c < Columns; ++c) {
      sums[v][c] = hn::LoadU(d, gradient + c * padded + j + v * lanes);
    }
  }
  asks = asks && tile.next != nullptr;
  for (std::int64_t r = 0; r < tile.count; ++r) {
    if (asks && r % 2 == 0) {
      prefetch<Vectors * hn::MaxLanes(Tag<T>())>(tile.next[r] + j);
    }
    V x[Vectors];
    for (int v = 0; v < Vectors; ++v) {
      x[v] = load_features(d, tile.rows[r] + j + v * lanes);
    }
    for (int c = 0; c < Columns; ++c) {
      const V residual = hn::Set(d, residuals[c * pitch + r]);
      for (int v = 0; v < Vectors; ++v) {
        sums[v][c] = hn::MulAdd(x[v], residual, sums[v][c]);
      }
    }
  }
  for (int v = 0; v < Vectors; ++v) {
    for (int c = 0; c < Columns; ++c) {
      hn::StoreU(sums[v][c], d, gradient + c * padded + j + v * lanes);
    }
  }
}

template <class T>
void scores_of_rows(const TileRows& tile, const PaddedColumns<const T>& weights,
                    const T* intercepts, std::int64_t pitch, T* scores) {
  for_blocks<score_columns_at_once>(weights.columns, [&](auto width, std::int64_t first) {
    score_columns<width.value>(tile, first == 0, weights.values + first * weights.padded,
                               weights.padded, intercepts + first, scores + first * pitch, pitch);
  });
}

// Rows whose scores are summed side by side, lane by lane.
template <class T>
HWY_INLINE std::int64_t rows_across() {
  return 2 * static_cast<std::int64_t>(hn::Lanes(Tag<T>()));
}

// Rows are turned, so that lanes are rows, where they have at most so many features: what is turned
// stays in the second-level cache.
constexpr std::int64_t most_turned_features = 512;

// The bits of `place`, below `count`, in reverse: 0, count / 2, count / 4, 3 count / 4, ...
HWY_INLINE std::int64_t reversed(std::int64_t place, std::int64_t count) {
  std::int64_t result = 0;
  for (std::int64_t bit = 1; bit < count; bit *= 2) {
    result = 2 * result + ((place & bit) != 0 ? 1 : 0);
  }
  return result;
}

// scores(c, r) = intercepts(c) + sum_j turned(j, r) * weights(c, j), in the order of score_block:
// sums of every `lanes`th feature, then halves of these sums added to halves. Two that belong
// together follow each other, as the bits of a counter carry.
template <int Columns, class T>
HWY_INLINE void turned_scores(const T* turned, std::int64_t features, const T* weights,
                              std::int64_t padded, const T* intercepts, T* scores,
                              std::int64_t pitch) {
  const Tag<T> d;
  using V = hn::VFromD<Tag<T>>;
  constexpr auto most = static_cast<std::int64_t>(hn::MaxLanes(Tag<T>()));
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const std::int64_t each = 2 * lanes;          // sums of a column
  HWY_ALIGN T kept[most * Columns * 2 * most];  // a level after the other
  for (std::int64_t place = 0; place < lanes; ++place) {
    V sums[Columns][2];
    for (auto& sum : sums) {
      sum[0] = hn::Zero(d);
      sum[1] = hn::Zero(d);
    }
    for (std::int64_t j = reversed(place, lanes); j < features; j += lanes) {
      const V x0 = hn::Load(d, turned + j * each);
      const V x1 = hn::Load(d, turned + j * each + lanes);
      for (int c = 0; c < Columns; ++c) {
        const V w = hn::Set(d, weights[c * padded + j]);
        sums[c][0] = hn::MulAdd(x0, w, sums[c][0]);
        sums[c][1] = hn::MulAdd(x1, w, sums[c][1]);
      }
    }
    T* level = kept;
    for (std::int64_t carry = place; (carry & 1) != 0; carry /= 2, level += Columns * each) {
      for (int c = 0; c < Columns; ++c) {
        sums[c][0] = hn::Add(hn::Load(d, level + c * each), sums[c][0]);
        sums[c][1] = hn::Add(hn::Load(d, level + c * each + lanes), sums[c][1]);
      }
    }
    const bool last = place + 1 == lanes;
    for (int c = 0; c < Columns; ++c) {
      if (last) {
        const V intercept = hn::Set(d, intercepts[c]);
        hn::StoreU(hn::Add(intercept, sums[c][0]), d, scores + c * pitch);
        hn::StoreU(hn::Add(intercept, sums[c][1]), d, scores + c * pitch + lanes);
      } else {
        hn::Store(sums[c][0], d, level + c * each);
        hn::Store(sums[c][1], d, level + c * each + lanes);
      }
    }
  }
}

// Scores of rows_across() rows: no sum across lanes is left, which pays for turning the rows where
// columns are many.
template <class T>
void scores_across(const TileRows& tile, const PaddedColumns<const T>& weights, const T* intercepts,
                   std::int64_t pitch, T* scores) {
  HWY_ALIGN T turned[most_turned_features * 2 * hn::MaxLanes(Tag<T>())];
  constexpr std::int64_t prefetched = 64;
  const std::int64_t rows = tile.count;
  for (std::int64_t j = 0; j < tile.features; j += prefetched) {
    const std::int64_t end = std::min(j + prefetched, tile.features);
    for (std::int64_t r = 0; r < rows; ++r) {
      if (tile.next != nullptr && r % 2 != 0) {
        prefetch<prefetched>(tile.next[r] + j);
      }
      for (std::int64_t i = j; i < end; ++i) {
        turned[i * rows + r] = static_cast<T>(tile.rows[r][i]);
      }
    }
  }
  for_blocks<score_columns_at_once>(weights.columns, [&](auto width, std::int64_t first) {
    turned_scores<width.value>(turned, tile.features, weights.values + first * weights.padded,
                               weights.padded, intercepts + first, scores + first * pitch, pitch);
  });
}

// Both ways have the same bits.
template <class T>
void scores_on_target(const TileRows& tile, const PaddedColumns<const T>& weights,
                      const T* intercepts, std::int64_t pitch, T* scores) {
  constexpr std::int64_t features_a_column = 8;
  const std::int64_t across = rows_across<T>();
  TileRows left = tile;
  if (tile.features <= std::min(weights.columns * features_a_column, most_turned_features)) {
    left.count = across;
    for (; left.rows + across <= tile.rows + tile.count; left.rows += across) {
      scores_across(left, weights, intercepts, pitch, scores);
      scores += across;
      left.next = tile.next == nullptr ? nullptr : left.next + across;
    }
    left.count = tile.rows + tile.count - left.rows;
  }
  scores_of_rows(left, weights, intercepts, pitch, scores);
}

// All columns take a piece of the rows in turn, while it is in the nearest cache.
template <class T>
void gradient_on_target(const TileRows& tile, const T* residuals, std::int64_t pitch,
                        const PaddedColumns<T>& gradient) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag<T>()));
  const std::int64_t vectors = (tile.features + lanes - 1) / lanes;
  if (gradient.columns == 1) {
    for_blocks<one_column_vectors>(vectors, [&](auto width, std::int64_t vector) {
      gradient_block<width.value, 1>(tile, true, vector * lanes, residuals, pitch, gradient.values,
                                     gradient.padded);
    });
    return;
  }
  for_blocks<block_vectors>(vectors, [&](auto high, std::int64_t vector) {
    for_blocks<block_columns>(gradient.columns, [&](auto wide, std::int64_t first) {
      gradient_block<high.value, wide.value>(
          tile, first == 0, vector * lanes, residuals + first * pitch, pitch,
          gradient.values + first * gradient.padded, gradient.padded);
    });
  });
}

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

void scores_float(const TileRows& tile, const PaddedColumns<const float>& weights,
                  const float* intercepts, std::int64_t pitch, float* scores) {
  scores_on_target(tile, weights, intercepts, pitch, scores);
}

void gradient_float(const TileRows& tile, const float* residuals, std::int64_t pitch,
                    const PaddedColumns<float>& gradient) {
  gradient_on_target(tile, residuals, pitch, gradient);
}

bool squared_float(const TileRows& tile, const std::int64_t* indexes,
                   SquaredColumn<float>& column) {
  return squared_on_target(tile, indexes, column);
}

void scores_double(const TileRows& tile, const PaddedColumns<const double>& weights,
                   const double* intercepts, std::int64_t pitch, double* scores) {
  scores_on_target(tile, weights, intercepts, pitch, scores);
}

void gradient_double(const TileRows& tile, const double* residuals, std::int64_t pitch,
                     const PaddedColumns<double>& gradient) {
  gradient_on_target(tile, residuals, pitch, gradient);
}

bool squared_double(const TileRows& tile, const std::int64_t* indexes,
                    SquaredColumn<double>& column) {
  return squared_on_target(tile, indexes, column);
}

const char* target_name() { return hwy::TargetName(HWY_TARGET); }

}  // namespace steepest::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest::kernels {

HWY_EXPORT(scores_float);
HWY_EXPORT(scores_double);
HWY_EXPORT(gradient_float);
HWY_EXPORT(gradient_double);
HWY_EXPORT(squared_float);
HWY_EXPORT(squared_double);
HWY_EXPORT(target_name);

template <>
void tile_scores(const TileRows& tile, const PaddedColumns<const float>& weights,
                 const float* intercepts, std::int64_t pitch, float* scores) {
  HWY_DYNAMIC_DISPATCH(scores_float)(tile, weights, intercepts, pitch, scores);
}

template <>
void tile_gradient(const TileRows& tile, const float* residuals, std::int64_t pitch,
                   const PaddedColumns<float>& gradient) {
  HWY_DYNAMIC_DISPATCH(gradient_float)(tile, residuals, pitch, gradient);
}

template <>
bool tile_squared(const TileRows& tile, const std::int64_t* indexes, SquaredColumn<float>& column) {
  return HWY_DYNAMIC_DISPATCH(squared_float)(tile, indexes, column);
}

template <>
void tile_scores(const TileRows& tile, const PaddedColumns<const double>& weights,
                 const double* intercepts, std::int64_t pitch, double* scores) {
  HWY_DYNAMIC_DISPATCH(scores_double)(tile, weights, intercepts, pitch, scores);
}

template <>
void tile_gradient(const TileRows& tile, const double* residuals, std::int64_t pitch,
                   const PaddedColumns<double>& gradient) {
  HWY_DYNAMIC_DISPATCH(gradient_double)(tile, residuals, pitch, gradient);
}

template <>
bool tile_squared(const TileRows& tile, const std::int64_t* indexes,
                  SquaredColumn<double>& column) {
  return HWY_DYNAMIC_DISPATCH(squared_double)(tile, indexes, column);
}

const char* vector_instruction_set() { return HWY_DYNAMIC_DISPATCH(target_name)(); }

}  // namespace steepest::kernels
#endif  // HWY_ONCE
