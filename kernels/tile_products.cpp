// SPDX-License-Identifier: Apache-2.0
// Compiled once for every instruction set by Highway; the best one is chosen at run time.
#include "kernels/tile_products.hpp"

#include <algorithm>
#include <array>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tile_products.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
// After foreach_target.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace steepest::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Blocks sized so that accumulators, operands and one broadcast fit the vector registers.
constexpr bool many_registers = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64;
constexpr int block_rows = many_registers ? 4 : 2;
constexpr int block_columns = 5;
constexpr int block_vectors = many_registers ? 4 : 2;
constexpr int one_column_vectors = 8;

// Features are float in memory; V lanes of T in registers.
HWY_INLINE hn::VFromD<hn::CappedTag<float, 16>> load_features(hn::CappedTag<float, 16> d,
                                                              const float* from) {
  return hn::LoadU(d, from);
}

HWY_INLINE hn::VFromD<hn::CappedTag<double, 8>> load_features(hn::CappedTag<double, 8> d,
                                                              const float* from) {
  const hn::Rebind<float, decltype(d)> half;
  return hn::PromoteTo(d, hn::LoadU(half, from));
}

template <class T>
using Tag = hn::CappedTag<T, 64 / sizeof(T)>;

// How far after a row the same row of the next tile lies: 0 when the rows do not follow each other
// in memory. Both products ask for half of the next tile, so that memory has work to do while
// arithmetic is done; on the last tile that is a little in vain.
HWY_INLINE std::int64_t floats_to_next_tile(const float* const* rows, std::int64_t count,
                                            std::int64_t features) {
  return rows[count - 1] - rows[0] == (count - 1) * features ? count * features : 0;
}

// Asks for `floats` from `from` on, into the second-level cache.
template <std::int64_t floats>
HWY_INLINE void prefetch(const float* from) {
  constexpr std::int64_t line = 64 / static_cast<std::int64_t>(sizeof(float));
  for (std::int64_t j = 0; j < floats; j += line) {
    __builtin_prefetch(from + j, 0, 2);
  }
}

template <int Rows, int Columns, class T>
HWY_INLINE void score_block(const float* const* rows, std::int64_t features, const T* weights,
                            std::int64_t padded, const T* intercepts, T* scores,
                            std::int64_t columns) {
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
    for (int r = 0; r < Rows; ++r) {
      const V x = load_features(d, rows[r] + j);
      for (int c = 0; c < Columns; ++c) {
        sums[r][c] = hn::MulAdd(x, w[c], sums[r][c]);
      }
    }
  }
  for (int r = 0; r < Rows; ++r) {
    for (int c = 0; c < Columns; ++c) {
      scores[r * columns + c] = intercepts[c] + hn::GetLane(hn::SumOfLanes(d, sums[r][c]));
    }
  }
}

template <int Columns, class T>
void score_columns(const float* const* rows, std::int64_t count, std::int64_t features,
                   const T* weights, std::int64_t padded, const T* intercepts, T* scores,
                   std::int64_t columns) {
  std::int64_t r = 0;
  for (; r + block_rows <= count; r += block_rows) {
    score_block<block_rows, Columns>(rows + r, features, weights, padded, intercepts,
                                     scores + r * columns, columns);
  }
  for (; r < count; ++r) {
    score_block<1, Columns>(rows + r, features, weights, padded, intercepts, scores + r * columns,
                            columns);
  }
}

template <int Vectors, int Columns, class T>
HWY_INLINE void gradient_block(const float* const* rows, std::int64_t count, std::int64_t j,
                               const T* residuals, std::int64_t columns, T* gradient,
                               std::int64_t padded, std::int64_t ahead) {
  const Tag<T> d;
  using V = hn::VFromD<Tag<T>>;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V sums[Vectors][Columns];
  for (int v = 0; v < Vectors; ++v) {
    for (int c = 0; c < Columns; ++c) {
      sums[v][c] = hn::LoadU(d, gradient + c * padded + j + v * lanes);
    }
  }
  for (std::int64_t r = 0; r < count; ++r) {
    if (ahead > 0 && r % 2 == 0) {
      prefetch<Vectors * hn::MaxLanes(Tag<T>())>(rows[r] + ahead + j);
    }
    V x[Vectors];
    for (int v = 0; v < Vectors; ++v) {
      x[v] = load_features(d, rows[r] + j + v * lanes);
    }
    for (int c = 0; c < Columns; ++c) {
      const V residual = hn::Set(d, residuals[r * columns + c]);
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

// Columns are cut into equal blocks of at most block_columns; body(width constant, first column).
template <class Body>
HWY_INLINE void for_column_blocks(std::int64_t columns, Body body) {
  const std::int64_t blocks = (columns + block_columns - 1) / block_columns;
  for (std::int64_t block = 0; block < blocks; ++block) {
    const std::int64_t first = block * columns / blocks;
    const std::int64_t width = (block + 1) * columns / blocks - first;
    switch (width) {
      case 1:
        body(std::integral_constant<int, 1>(), first);
        break;
      case 2:
        body(std::integral_constant<int, 2>(), first);
        break;
      case 3:
        body(std::integral_constant<int, 3>(), first);
        break;
      case 4:
        body(std::integral_constant<int, 4>(), first);
        break;
      default:
        body(std::integral_constant<int, 5>(), first);
        break;
    }
  }
}

template <class T>
void scores_on_target(const float* const* rows, std::int64_t count, std::int64_t features,
                      const PaddedColumns<const T>& weights, const T* intercepts, T* scores) {
  for_column_blocks(weights.columns, [&](auto width, std::int64_t first) {
    score_columns<width.value>(rows, count, features, weights.values + first * weights.padded,
                               weights.padded, intercepts + first, scores + first, weights.columns);
  });
}

// Vectors [j, j + Vectors) of every column, while that piece of the rows is in the nearest cache.
template <int Vectors, class T>
HWY_INLINE void gradient_vectors(const float* const* rows, std::int64_t count, std::int64_t j,
                                 const T* residuals, const PaddedColumns<T>& gradient,
                                 std::int64_t ahead) {
  for_column_blocks(gradient.columns, [&](auto width, std::int64_t first) {
    gradient_block<Vectors, width.value>(rows, count, j, residuals + first, gradient.columns,
                                         gradient.values + first * gradient.padded, gradient.padded,
                                         first == 0 ? ahead : 0);
  });
}

template <class T>
void gradient_on_target(const float* const* rows, std::int64_t count, std::int64_t features,
                        const T* residuals, const PaddedColumns<T>& gradient) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag<T>()));
  const std::int64_t ahead = floats_to_next_tile(rows, count, features);
  std::int64_t j = 0;
  if (gradient.columns == 1) {
    for (; j + (one_column_vectors - 1) * lanes < features; j += one_column_vectors * lanes) {
      gradient_block<one_column_vectors, 1>(rows, count, j, residuals, 1, gradient.values,
                                            gradient.padded, ahead);
    }
  }
  for (; j + block_vectors * lanes <= features; j += block_vectors * lanes) {
    gradient_vectors<block_vectors>(rows, count, j, residuals, gradient, ahead);
  }
  const std::int64_t vectors = (features - j + lanes - 1) / lanes;
  if (vectors >= 3) {
    gradient_vectors<3>(rows, count, j, residuals, gradient, ahead);
    j += 3 * lanes;
  } 
  for (; j < features; j += lanes) {
    gradient_vectors<1>(rows, count, j, residuals, gradient, ahead);
  }
}

}  // namespace

void scores_float(const float* const* rows, std::int64_t count, std::int64_t features,
                  const PaddedColumns<const float>& weights, const float* intercepts,
                  float* scores) {
  scores_on_target(rows, count, features, weights, intercepts, scores);
}

void scores_double(const float* const* rows, std::int64_t count, std::int64_t features,
                   const PaddedColumns<const double>& weights, const double* intercepts,
                   double* scores) {
  scores_on_target(rows, count, features, weights, intercepts, scores);
}

void gradient_float(const float* const* rows, std::int64_t count, std::int64_t features,
                    const float* residuals, const PaddedColumns<float>& gradient) {
  gradient_on_target(rows, count, features, residuals, gradient);
}

void gradient_double(const float* const* rows, std::int64_t count, std::int64_t features,
                     const double* residuals, const PaddedColumns<double>& gradient) {
  gradient_on_target(rows, count, features, residuals, gradient);
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
void tile_scores(const float* const* rows, std::int64_t count, std::int64_t features,
                 const PaddedColumns<const float>& weights, const float* intercepts,
                 float* scores) {
  HWY_DYNAMIC_DISPATCH(scores_float)(rows, count, features, weights, intercepts, scores);
}

template <>
void tile_scores(const float* const* rows, std::int64_t count, std::int64_t features,
                 const PaddedColumns<const double>& weights, const double* intercepts,
                 double* scores) {
  HWY_DYNAMIC_DISPATCH(scores_double)(rows, count, features, weights, intercepts, scores);
}

template <>
void tile_gradient(const float* const* rows, std::int64_t count, std::int64_t features,
                   const float* residuals, const PaddedColumns<float>& gradient) {
  HWY_DYNAMIC_DISPATCH(gradient_float)(rows, count, features, residuals, gradient);
}

template <>
void tile_gradient(const float* const* rows, std::int64_t count, std::int64_t features,
                   const double* residuals, const PaddedColumns<double>& gradient) {
  HWY_DYNAMIC_DISPATCH(gradient_double)(rows, count, features, residuals, gradient);
}

const char* vector_instruction_set() { return HWY_DYNAMIC_DISPATCH(target_name)(); }

}  // namespace steepest::kernels
#endif  // HWY_ONCE
