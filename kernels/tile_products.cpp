// SPDX-License-Identifier: Apache-2.0
// Compiled once for every instruction set by Highway; the best one is chosen at run time.
#include "kernels/tile_products.hpp"

#include <algorithm>

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

// Rows are turned, so that lanes are rows, where they have at most so many features: what is turned
// stays in the second-level cache.
constexpr std::int64_t most_turned_features = 512;

HWY_INLINE bool turns_rows(std::int64_t features, std::int64_t columns) {
  constexpr std::int64_t features_a_column = 8;
  return features <= std::min(columns * features_a_column, most_turned_features);
}

// Whether the scores ask for every other one of the next rows; else the gradient asks for all. They
// do not where their weights fill the nearest cache: then they wait for their own rows.
template <class T>
HWY_INLINE bool scores_ask(std::int64_t features, std::int64_t columns) {
  constexpr std::int64_t most_weights_bytes = 16 << 10;
  const std::int64_t together = std::min<std::int64_t>(columns, score_columns_at_once);
  return turns_rows(features, columns) ||
         features * together * static_cast<std::int64_t>(sizeof(T)) <= most_weights_bytes;
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
HWY_INLINE void gradient_block(const TileRows& tile, std::int64_t asks_every, std::int64_t j,
                               const T* residuals, std::int64_t pitch, T* gradient,
                               std::int64_t padded) {
  const Tag<T> d;
  using V = hn::VFromD<Tag<T>>;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V sums[Vectors][Columns];
  for (int v = 0; v < Vectors; ++v) {
    for (int c = 0; c < Columns; ++c) {
      sums[v][c] = hn::LoadU(d, gradient + c * padded + j + v * lanes);
    }
  }
  std::int64_t asks_at = asks_every > 0 && tile.next != nullptr ? 0 : tile.count;
  for (std::int64_t r = 0; r < tile.count; ++r) {
    if (r == asks_at) {
      asks_at += asks_every;
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
  const bool asks = scores_ask<T>(tile.features, weights.columns);
  for_blocks<score_columns_at_once>(weights.columns, [&](auto width, std::int64_t first) {
    score_columns<width.value>(tile, asks && first == 0, weights.values + first * weights.padded,
                               weights.padded, intercepts + first, scores + first * pitch, pitch);
  });
}

// Rows whose scores are summed side by side, lane by lane.
template <class T>
HWY_INLINE std::int64_t rows_across() {
  return 2 * static_cast<std::int64_t>(hn::Lanes(Tag<T>()));
}

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
  const std::int64_t across = rows_across<T>();
  TileRows left = tile;
  if (turns_rows(tile.features, weights.columns)) {
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

// All columns take a piece of the rows in turn, while it is in the nearest cache. The first ones
// ask for the next rows.
template <class T>
void gradient_on_target(const TileRows& tile, const T* residuals, std::int64_t pitch,
                        const PaddedColumns<T>& gradient) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag<T>()));
  const std::int64_t vectors = (tile.features + lanes - 1) / lanes;
  const std::int64_t asks_every = scores_ask<T>(tile.features, gradient.columns) ? 2 : 1;
  if (gradient.columns == 1) {
    for_blocks<one_column_vectors>(vectors, [&](auto width, std::int64_t vector) {
      gradient_block<width.value, 1>(tile, asks_every, vector * lanes, residuals, pitch,
                                     gradient.values, gradient.padded);
    });
    return;
  }
  for_blocks<block_vectors>(vectors, [&](auto high, std::int64_t vector) {
    for_blocks<block_columns>(gradient.columns, [&](auto wide, std::int64_t first) {
      gradient_block<high.value, wide.value>(
          tile, first == 0 ? asks_every : 0, vector * lanes, residuals + first * pitch, pitch,
          gradient.values + first * gradient.padded, gradient.padded);
    });
  });
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

void scores_double(const TileRows& tile, const PaddedColumns<const double>& weights,
                   const double* intercepts, std::int64_t pitch, double* scores) {
  scores_on_target(tile, weights, intercepts, pitch, scores);
}

void gradient_double(const TileRows& tile, const double* residuals, std::int64_t pitch,
                     const PaddedColumns<double>& gradient) {
  gradient_on_target(tile, residuals, pitch, gradient);
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
void tile_scores(const TileRows& tile, const PaddedColumns<const double>& weights,
                 const double* intercepts, std::int64_t pitch, double* scores) {
  HWY_DYNAMIC_DISPATCH(scores_double)(tile, weights, intercepts, pitch, scores);
}

template <>
void tile_gradient(const TileRows& tile, const double* residuals, std::int64_t pitch,
                   const PaddedColumns<double>& gradient) {
  HWY_DYNAMIC_DISPATCH(gradient_double)(tile, residuals, pitch, gradient);
}

const char* vector_instruction_set() { return HWY_DYNAMIC_DISPATCH(target_name)(); }

}  // namespace steepest::kernels
#endif  // HWY_ONCE
