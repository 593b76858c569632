// SPDX-License-Identifier: Apache-2.0
// Compiled once for every instruction set by Highway; the best one is chosen at run time.
#include "kernels/tile_products.hpp"

#include <cstddef>
#include <type_traits>

#include "steepest/objectives/squared.hpp"

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

// Where the next tile lies, in bytes after this one: 0 when the rows do not follow each other in
// memory. Each of the two products asks for half of its rows, so that memory works while arithmetic
// does; after the last tile that is a little in vain.
HWY_INLINE std::uintptr_t bytes_to_next_tile(const float* const* rows, std::int64_t count,
                                             std::int64_t features) {
  const bool contiguous = count > 0 && rows[count - 1] - rows[0] == (count - 1) * features;
  return contiguous ? static_cast<std::uintptr_t>(count * features) * sizeof(float) : 0;
}

// Asks for `floats` floats, `ahead` bytes after `from`, into the second-level cache.
template <std::size_t floats>
HWY_INLINE void prefetch(const float* from, std::uintptr_t ahead) {
  constexpr std::size_t line_bytes = 64;
  for (std::size_t offset = 0; offset < floats * sizeof(float); offset += line_bytes) {
    const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(from) + ahead + offset;
    __builtin_prefetch(reinterpret_cast<const void*>(address), 0, 3);
  }
}

// Cuts [0, count) into blocks of equal width, at most `most`; body(width constant, first).
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

template <int most, class Body>
HWY_INLINE void for_blocks(std::int64_t count, Body body) {
  const std::int64_t blocks = (count + most - 1) / most;
  for (std::int64_t block = 0; block < blocks; ++block) {
    const std::int64_t first = block * count / blocks;
    with_width<most>((block + 1) * count / blocks - first, first, body);
  }
}

template <int Rows, int Columns, class T>
HWY_INLINE void score_block(const float* const* rows, std::int64_t features, const T* weights,
                            std::int64_t padded, const T* intercepts, T* scores,
                            std::int64_t columns, std::uintptr_t ahead) {
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
    if (ahead != 0) {
      for (int r = 1; r < Rows; r += 2) {
        prefetch<hn::MaxLanes(Tag<T>())>(rows[r] + j, ahead);
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
      scores[r * columns + c] = intercepts[c] + hn::GetLane(hn::SumOfLanes(d, sums[r][c]));
    }
  }
}

template <int Columns, class T>
void score_columns(const float* const* rows, std::int64_t count, std::int64_t features,
                   const T* weights, std::int64_t padded, const T* intercepts, T* scores,
                   std::int64_t columns, std::uintptr_t ahead) {
  std::int64_t r = 0;
  for (; r + block_rows <= count; r += block_rows) {
    score_block<block_rows, Columns>(rows + r, features, weights, padded, intercepts,
                                     scores + r * columns, columns, ahead);
  }
  for (; r < count; ++r) {
    score_block<1, Columns>(rows + r, features, weights, padded, intercepts, scores + r * columns,
                            columns, 0);
  }
}

template <int Vectors, int Columns, class T>
HWY_INLINE void gradient_block(const float* const* rows, std::int64_t count, std::int64_t j,
                               const T* residuals, std::int64_t columns, T* gradient,
                               std::int64_t padded, std::uintptr_t ahead) {
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
    if (ahead != 0 && r % 2 == 0) {
      prefetch<Vectors * hn::MaxLanes(Tag<T>())>(rows[r] + j, ahead);
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

template <class T>
void scores_on_target(const float* const* rows, std::int64_t count, std::int64_t features,
                      const PaddedColumns<const T>& weights, const T* intercepts, T* scores) {
  const std::uintptr_t ahead = bytes_to_next_tile(rows, count, features);
  for_blocks<block_columns>(weights.columns, [&](auto width, std::int64_t first) {
    score_columns<width.value>(rows, count, features, weights.values + first * weights.padded,
                               weights.padded, intercepts + first, scores + first, weights.columns,
                               first == 0 ? ahead : 0);
  });
}

// All columns take a piece of the rows in turn, while it is in the nearest cache.
template <class T>
void gradient_on_target(const float* const* rows, std::int64_t count, std::int64_t features,
                        const T* residuals, const PaddedColumns<T>& gradient) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag<T>()));
  const std::int64_t vectors = (features + lanes - 1) / lanes;
  const std::uintptr_t ahead = bytes_to_next_tile(rows, count, features);
  if (gradient.columns == 1) {
    for_blocks<one_column_vectors>(vectors, [&](auto width, std::int64_t vector) {
      gradient_block<width.value, 1>(rows, count, vector * lanes, residuals, 1, gradient.values,
                                     gradient.padded, ahead);
    });
    return;
  }
  for_blocks<block_vectors>(vectors, [&](auto high, std::int64_t vector) {
    for_blocks<block_columns>(gradient.columns, [&](auto wide, std::int64_t first) {
      gradient_block<high.value, wide.value>(
          rows, count, vector * lanes, residuals + first, gradient.columns,
          gradient.values + first * gradient.padded, gradient.padded, first == 0 ? ahead : 0);
    });
  });
}

// How far ahead of the arithmetic rows that follow each other in memory are asked for.
constexpr std::uintptr_t bytes_ahead = 8192;

// A row, its weights and the gradient stay in registers: a row is loaded and converted once.
template <int Vectors, class T>
void squared_in_registers(const float* const* rows, const std::int64_t* indexes, std::int64_t count,
                          SquaredColumn<T>& column) {
  const Tag<T> d;
  using V = hn::VFromD<Tag<T>>;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const bool contiguous = bytes_to_next_tile(rows, count, column.features) != 0;
  const T intercept = column.intercept;
  const double* const targets = column.targets;
  const double* const row_weights = column.row_weights;
  double loss = column.loss;
  double residuals = column.residuals;
  V weights[Vectors];
  V gradient[Vectors];
  for (int v = 0; v < Vectors; ++v) {
    weights[v] = hn::LoadU(d, column.weights + v * lanes);
    gradient[v] = hn::LoadU(d, column.gradient + v * lanes);
  }
  for (std::int64_t r = 0; r < count; ++r) {
    const float* const row = rows[r];
    if (contiguous) {
      prefetch<Vectors * hn::MaxLanes(Tag<T>())>(row, bytes_ahead);
    }
    V x[Vectors];
    V sum = hn::Zero(d);
    for (int v = 0; v < Vectors; ++v) {
      x[v] = load_features(d, row + v * lanes);
      sum = hn::MulAdd(x[v], weights[v], sum);
    }
    T score = intercept + hn::GetLane(hn::SumOfLanes(d, sum));
    const std::int64_t i = indexes[r];
    const T target = static_cast<T>(targets[i]);
    const T weight = row_weights == nullptr ? T(1) : static_cast<T>(row_weights[i]);
    loss += static_cast<double>(
        SquaredLoss::residual_in_place(&score, 1, RowTarget<T>{&target, 0}, weight));
    residuals += static_cast<double>(score);
    const V residual = hn::Set(d, score);
    for (int v = 0; v < Vectors; ++v) {
      gradient[v] = hn::MulAdd(x[v], residual, gradient[v]);
    }
  }
  for (int v = 0; v < Vectors; ++v) {
    hn::StoreU(gradient[v], d, column.gradient + v * lanes);
  }
  column.loss = loss;
  column.residuals = residuals;
}

template <class T>
bool squared_on_target(const float* const* rows, const std::int64_t* indexes, std::int64_t count,
                       SquaredColumn<T>& column) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag<T>()));
  const std::int64_t vectors = (column.features + lanes - 1) / lanes;
  if (vectors < 1 || vectors > one_column_vectors) {
    return false;
  }
  const auto pass = [&](auto width, std::int64_t /*first*/) {
    squared_in_registers<width.value>(rows, indexes, count, column);
  };
  with_width<one_column_vectors>(vectors, 0, pass);
  return true;
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

bool squared_float(const float* const* rows, const std::int64_t* indexes, std::int64_t count,
                   SquaredColumn<float>& column) {
  return squared_on_target(rows, indexes, count, column);
}

bool squared_double(const float* const* rows, const std::int64_t* indexes, std::int64_t count,
                    SquaredColumn<double>& column) {
  return squared_on_target(rows, indexes, count, column);
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

template <>
bool tile_squared(const float* const* rows, const std::int64_t* indexes, std::int64_t count,
                  SquaredColumn<float>& column) {
  return HWY_DYNAMIC_DISPATCH(squared_float)(rows, indexes, count, column);
}

template <>
bool tile_squared(const float* const* rows, const std::int64_t* indexes, std::int64_t count,
                  SquaredColumn<double>& column) {
  return HWY_DYNAMIC_DISPATCH(squared_double)(rows, indexes, count, column);
}

const char* vector_instruction_set() { return HWY_DYNAMIC_DISPATCH(target_name)(); }

}  // namespace steepest::kernels
#endif  // HWY_ONCE
