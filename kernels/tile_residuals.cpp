// SPDX-License-Identifier: Apache-2.0
// Compiled once for every instruction set by Highway; the best one is chosen at run time.
#include "kernels/tile_residuals.hpp"

#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tile_residuals.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
// After foreach_target.h
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include "kernels/tile_blocks-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace steepest::kernels::HWY_NAMESPACE {
namespace {

// A sum over rows in double, of vectors of T.
template <class T>
class RowSum {
 public:
  HWY_INLINE RowSum() : sum_(hn::Zero(Wide())) {}

  // Adds the lanes of v below `rows`.
  HWY_INLINE void add(hn::VFromD<Tag<T>> v, std::int64_t rows) {
    const Tag<T> d;
    if (rows < static_cast<std::int64_t>(hn::Lanes(d))) {
      v = hn::IfThenElseZero(hn::FirstN(d, static_cast<std::size_t>(rows)), v);
    }
    if constexpr (std::is_same_v<T, double>) {
      sum_ = hn::Add(sum_, v);
    } else {
      const hn::Half<decltype(d)> half;
      sum_ = hn::Add(sum_, hn::PromoteTo(Wide(), hn::LowerHalf(half, v)));
#if HWY_TARGET != HWY_SCALAR
      sum_ = hn::Add(sum_, hn::PromoteTo(Wide(), hn::UpperHalf(half, v)));
#endif
    }
  }

  [[nodiscard]] HWY_INLINE double total() const {
    return hn::GetLane(hn::SumOfLanes(Wide(), sum_));
  }

 private:
  // As many doubles as half of a vector of float, or as a vector of double.
  using Wide = Tag<double>;

  hn::VFromD<Wide> sum_;
};

// body(first row, rows from there on) for every vector of rows.
template <class T, class Body>
HWY_INLINE void for_row_vectors(std::int64_t count, Body body) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag<T>()));
  for (std::int64_t r = 0; r < count; r += lanes) {
    body(r, count - r);
  }
}

// exp(x) for x <= 0, and NaN for NaN, which Highway's own takes for 0.
template <class D, class V>
HWY_INLINE V decay_of(D d, V x) {
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Exp(d, x));
}

// log(x) for x >= 1, and NaN for NaN, likewise.
template <class D, class V>
HWY_INLINE V logarithm_of(D d, V x) {
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Log(d, x));
}

template <class T>
HWY_INLINE void add_residuals(const TileScores<T>& tile) {
  const Tag<T> d;
  for (std::int64_t c = 0; c < tile.models * tile.outputs; ++c) {
    const T* const column = tile.scores + c * tile.pitch;
    RowSum<T> sum;
    for_row_vectors<T>(tile.count, [&](std::int64_t r, std::int64_t rows) {
      sum.add(hn::LoadU(d, column + r), rows);
    });
    tile.residuals[c] += sum.total();
  }
}

template <class T>
void squared_on_target(const TileScores<T>& tile) {
  const Tag<T> d;
  const auto half = hn::Set(d, T(0.5));
  for (std::int64_t c = 0; c < tile.models * tile.outputs; ++c) {
    T* const scores = tile.scores + c * tile.pitch;
    const T* const targets = tile.targets + c % tile.outputs * tile.pitch;
    RowSum<T> loss;
    for_row_vectors<T>(tile.count, [&](std::int64_t r, std::int64_t rows) {
      const auto error = hn::Sub(hn::LoadU(d, scores + r), hn::LoadU(d, targets + r));
      const auto residual = hn::Mul(hn::LoadU(d, tile.weights + r), error);
      hn::StoreU(residual, d, scores + r);
      loss.add(hn::Mul(half, hn::Mul(residual, error)), rows);
    });
    tile.loss[c / tile.outputs] += loss.total();
  }
  add_residuals(tile);
}

template <class T>
void logistic_on_target(const TileScores<T>& tile) {
  const Tag<T> d;
  const auto one = hn::Set(d, T(1));
  for (std::int64_t k = 0; k < tile.models; ++k) {
    T* const scores = tile.scores + k * tile.pitch;
    RowSum<T> sum;
    for_row_vectors<T>(tile.count, [&](std::int64_t r, std::int64_t rows) {
      const auto weight = hn::LoadU(d, tile.weights + r);
      const auto positive = hn::Eq(hn::LoadU(d, tile.labels + r), one);
      const auto score = hn::LoadU(d, scores + r);
      const auto margin = hn::IfThenElse(positive, score, hn::Neg(score));
      const auto decay = decay_of(d, hn::Neg(hn::Abs(margin)));
      const auto loss = hn::Sub(hn::Log1p(d, decay), hn::Min(margin, hn::Zero(d)));
      const auto wrong = hn::Lt(margin, hn::Zero(d));
      const auto miss = hn::Div(hn::IfThenElse(wrong, one, decay), hn::Add(one, decay));
      const auto size = hn::Mul(weight, miss);
      hn::StoreU(hn::IfThenElse(positive, hn::Neg(size), size), d, scores + r);
      sum.add(hn::Mul(weight, loss), rows);
    });
    tile.loss[k] += sum.total();
  }
  add_residuals(tile);
}

// The classes of one model, for a vector of rows. Returns weight * l.
template <class T>
HWY_INLINE hn::VFromD<Tag<T>> softmax_of_rows(const TileScores<T>& tile, T* scores,
                                              std::int64_t r) {
  const Tag<T> d;
  const auto label = hn::LoadU(d, tile.labels + r);
  const auto weight = hn::LoadU(d, tile.weights + r);
  auto largest = hn::LoadU(d, scores);
  for (std::int64_t c = 1; c < tile.outputs; ++c) {
    largest = hn::Max(largest, hn::LoadU(d, scores + c * tile.pitch));
  }
  auto total = hn::Zero(d);
  auto gap = hn::Zero(d);  // from the label's score to the largest
  for (std::int64_t c = 0; c < tile.outputs; ++c) {
    T* const at = scores + c * tile.pitch;
    const auto below = hn::Sub(hn::LoadU(d, at), largest);
    const auto is_label = hn::Eq(label, hn::Set(d, static_cast<T>(c)));
    gap = hn::IfThenElse(is_label, below, gap);
    const auto power = decay_of(d, below);
    total = hn::Add(total, power);
    hn::StoreU(power, d, at);
  }
  const auto scale = hn::Div(weight, total);
  for (std::int64_t c = 0; c < tile.outputs; ++c) {
    T* const at = scores + c * tile.pitch;
    const auto is_label = hn::Eq(label, hn::Set(d, static_cast<T>(c)));
    const auto p = hn::Mul(hn::LoadU(d, at), scale);
    hn::StoreU(hn::Sub(p, hn::IfThenElseZero(is_label, weight)), d, at);
  }
  return hn::Mul(weight, hn::Sub(logarithm_of(d, total), gap));
}

template <class T>
void softmax_on_target(const TileScores<T>& tile) {
  for (std::int64_t k = 0; k < tile.models; ++k) {
    T* const scores = tile.scores + k * tile.outputs * tile.pitch;
    RowSum<T> sum;
    for_row_vectors<T>(tile.count, [&](std::int64_t r, std::int64_t rows) {
      sum.add(softmax_of_rows(tile, scores + r, r), rows);
    });
    tile.loss[k] += sum.total();
  }
  add_residuals(tile);
}

}  // namespace

void squared_float(const TileScores<float>& tile) { squared_on_target(tile); }
void squared_double(const TileScores<double>& tile) { squared_on_target(tile); }
void logistic_float(const TileScores<float>& tile) { logistic_on_target(tile); }
void logistic_double(const TileScores<double>& tile) { logistic_on_target(tile); }
void softmax_float(const TileScores<float>& tile) { softmax_on_target(tile); }
void softmax_double(const TileScores<double>& tile) { softmax_on_target(tile); }

}  // namespace steepest::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest::kernels {

HWY_EXPORT(squared_float);
HWY_EXPORT(squared_double);
HWY_EXPORT(logistic_float);
HWY_EXPORT(logistic_double);
HWY_EXPORT(softmax_float);
HWY_EXPORT(softmax_double);

template <>
void tile_residuals(SquaredLoss /*loss*/, const TileScores<float>& tile) {
  HWY_DYNAMIC_DISPATCH(squared_float)(tile);
}

template <>
void tile_residuals(SquaredLoss /*loss*/, const TileScores<double>& tile) {
  HWY_DYNAMIC_DISPATCH(squared_double)(tile);
}

template <>
void tile_residuals(LogisticLoss /*loss*/, const TileScores<float>& tile) {
  HWY_DYNAMIC_DISPATCH(logistic_float)(tile);
}

template <>
void tile_residuals(LogisticLoss /*loss*/, const TileScores<double>& tile) {
  HWY_DYNAMIC_DISPATCH(logistic_double)(tile);
}

template <>
void tile_residuals(SoftmaxLoss /*loss*/, const TileScores<float>& tile) {
  HWY_DYNAMIC_DISPATCH(softmax_float)(tile);
}

template <>
void tile_residuals(SoftmaxLoss /*loss*/, const TileScores<double>& tile) {
  HWY_DYNAMIC_DISPATCH(softmax_double)(tile);
}

}  // namespace steepest::kernels
#endif  // HWY_ONCE
