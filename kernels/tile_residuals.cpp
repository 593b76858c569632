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

// A sum over rows in double, of vectors of T, that goes on in `lanes`.
template <class T>
class RowSum {
 public:
  HWY_INLINE explicit RowSum(double* lanes) : lanes_(lanes), sum_(hn::LoadU(Wide(), lanes)) {}

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

  HWY_INLINE void keep() const { hn::StoreU(sum_, Wide(), lanes_); }

 private:
  // As many doubles as half of a vector of float, or as a vector of double.
  using Wide = Tag<double>;

  double* lanes_;
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

// x as an argument of Exp and Expm1. Emulated vectors convert it to an integer one by one, which
// C++ leaves undefined for NaN; processors' instructions have a result for it, which nobody uses.
template <class D, class V>
HWY_INLINE V exponent_of(D d, V x) {
#if HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SCALAR
  return hn::IfThenElse(hn::IsNaN(x), hn::Zero(d), x);
#else
  static_cast<void>(d);
  return x;
#endif
}

// exp(x) for x <= 0, and NaN for NaN, which Highway's own takes for 0.
template <class D, class V>
HWY_INLINE V decay_of(D d, V x) {
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Exp(d, exponent_of(d, x)));
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
    RowSum<T> sum(tile.residuals + c * sum_lanes);
    for_row_vectors<T>(tile.count, [&](std::int64_t r, std::int64_t rows) {
      sum.add(hn::LoadU(d, column + r), rows);
    });
    sum.keep();
  }
}

template <class T>
void squared_on_target(const TileScores<T>& tile) {
  const Tag<T> d;
  const auto half = hn::Set(d, T(0.5));
  for (std::int64_t c = 0; c < tile.models * tile.outputs; ++c) {
    T* const scores = tile.scores + c * tile.pitch;
    const T* const targets = tile.targets + c % tile.outputs * tile.pitch;
    RowSum<T> loss(tile.loss + c * sum_lanes);
    for_row_vectors<T>(tile.count, [&](std::int64_t r, std::int64_t rows) {
      const auto error = hn::Sub(hn::LoadU(d, scores + r), hn::LoadU(d, targets + r));
      const auto residual = hn::Mul(hn::LoadU(d, tile.weights + r), error);
      hn::StoreU(residual, d, scores + r);
      loss.add(hn::Mul(half, hn::Mul(residual, error)), rows);
    });
    loss.keep();
  }
  add_residuals(tile);
}

// Losses of one score and one target each: slope(score, target, loss) returns dl/dz and sets l.
template <class T, class Slope>
HWY_INLINE void regression_on_target(const TileScores<T>& tile, Slope slope) {
  const Tag<T> d;
  for (std::int64_t c = 0; c < tile.models * tile.outputs; ++c) {
    T* const scores = tile.scores + c * tile.pitch;
    const T* const targets = tile.targets + c % tile.outputs * tile.pitch;
    RowSum<T> sum(tile.loss + c * sum_lanes);
    for_row_vectors<T>(tile.count, [&](std::int64_t r, std::int64_t rows) {
      const auto weight = hn::LoadU(d, tile.weights + r);
      auto loss = hn::Zero(d);
      const auto residual = slope(hn::LoadU(d, scores + r), hn::LoadU(d, targets + r), loss);
      hn::StoreU(hn::Mul(weight, residual), d, scores + r);
      sum.add(hn::Mul(weight, loss), rows);
    });
    sum.keep();
  }
  add_residuals(tile);
}

template <class T>
void huber_on_target(const HuberLoss& loss, const TileScores<T>& tile) {
  using V = hn::VFromD<Tag<T>>;
  const Tag<T> d;
  const auto delta = hn::Set(d, static_cast<T>(loss.delta));
  const auto half = hn::Set(d, T(0.5));
  regression_on_target(tile, [&](V score, V target, V& value) {
    const auto error = hn::Sub(score, target);
    const auto cut = hn::Min(hn::Max(error, hn::Neg(delta)), delta);
    value = hn::Mul(cut, hn::Sub(error, hn::Mul(half, cut)));
    return cut;
  });
}

template <class T>
void quantile_on_target(const QuantileLoss& loss, const TileScores<T>& tile) {
  using V = hn::VFromD<Tag<T>>;
  const Tag<T> d;
  const auto high = hn::Set(d, static_cast<T>(loss.level));
  const auto low = hn::Set(d, static_cast<T>(loss.level - 1.0));
  const auto width = hn::Set(d, static_cast<T>(loss.width));
  const auto half_width = hn::Set(d, static_cast<T>(loss.width / 2.0));
  if (static_cast<T>(loss.width) > T(0)) {
    regression_on_target(tile, [&](V score, V target, V& value) {
      const auto error = hn::Sub(target, score);
      const auto slope = hn::Min(hn::Max(hn::Div(error, width), low), high);
      value = hn::Mul(slope, hn::Sub(error, hn::Mul(half_width, slope)));
      return hn::Neg(slope);
    });
    return;
  }
  regression_on_target(tile, [&](V score, V target, V& value) {
    const auto error = hn::Sub(target, score);
    const auto above = hn::IfThenElse(hn::Gt(error, hn::Zero(d)), high, error);
    const auto slope = hn::IfThenElse(hn::Lt(error, hn::Zero(d)), low, above);
    value = hn::Mul(slope, error);
    return hn::Neg(slope);
  });
}

template <class T>
void poisson_on_target(const TileScores<T>& tile) {
  using V = hn::VFromD<Tag<T>>;
  const Tag<T> d;
  const auto most = hn::Set(d, PoissonLoss::largest_score<T>());
  const auto one = hn::Set(d, T(1));
  regression_on_target(tile, [&](V score, V count, V& value) {
    const auto nan = hn::IsNaN(score);
    const auto cut = hn::Min(score, most);
    const auto mean = hn::IfThenElse(nan, score, hn::Exp(d, exponent_of(d, cut)));
    const auto positive = hn::Gt(count, hn::Zero(d));
    const auto gap = hn::Sub(cut, hn::Log(d, hn::IfThenElse(positive, count, one)));
    const auto capped = hn::Min(gap, most);
    const auto deviance = hn::Mul(count, hn::Sub(hn::Expm1(d, exponent_of(d, capped)), capped));
    value = hn::IfThenElse(nan, score, hn::IfThenElse(positive, deviance, mean));
    return hn::Sub(mean, count);
  });
}

template <bool smoothed, class T>
void logistic_on_target(const LogisticLoss& smoothing, const TileScores<T>& tile) {
  const Tag<T> d;
  const auto one = hn::Set(d, T(1));
  const auto other = hn::Set(d, static_cast<T>(smoothing.smoothing / 2.0));
  for (std::int64_t k = 0; k < tile.models; ++k) {
    T* const scores = tile.scores + k * tile.pitch;
    RowSum<T> sum(tile.loss + k * tile.outputs * sum_lanes);
    for_row_vectors<T>(tile.count, [&](std::int64_t r, std::int64_t rows) {
      const auto weight = hn::LoadU(d, tile.weights + r);
      const auto positive = hn::Eq(hn::LoadU(d, tile.labels + r), one);
      const auto score = hn::LoadU(d, scores + r);
      const auto margin = hn::IfThenElse(positive, score, hn::Neg(score));
      const auto decay = decay_of(d, hn::Neg(hn::Abs(margin)));
      auto loss = hn::Sub(hn::Log1p(d, decay), hn::Min(margin, hn::Zero(d)));
      const auto wrong = hn::Lt(margin, hn::Zero(d));
      auto miss = hn::Div(hn::IfThenElse(wrong, one, decay), hn::Add(one, decay));
      if constexpr (smoothed) {
        loss = hn::MulAdd(other, margin, loss);
        miss = hn::Sub(miss, other);
      }
      const auto size = hn::Mul(weight, miss);
      hn::StoreU(hn::IfThenElse(positive, hn::Neg(size), size), d, scores + r);
      sum.add(hn::Mul(weight, loss), rows);
    });
    sum.keep();
  }
  add_residuals(tile);
}

// The classes of one model, for a vector of rows. Returns weight * l.
template <bool smoothed, class T>
HWY_INLINE hn::VFromD<Tag<T>> softmax_of_rows(const SoftmaxLoss& smoothing,
                                              const TileScores<T>& tile, T* scores,
                                              std::int64_t r) {
  const Tag<T> d;
  const auto own = hn::Set(d, static_cast<T>(1.0 - smoothing.smoothing));
  const auto spread =
      hn::Set(d, static_cast<T>(smoothing.smoothing / static_cast<double>(tile.outputs)));
  const auto label = hn::LoadU(d, tile.labels + r);
  const auto weight = hn::LoadU(d, tile.weights + r);
  auto largest = hn::LoadU(d, scores);
  for (std::int64_t c = 1; c < tile.outputs; ++c) {
    largest = hn::Max(largest, hn::LoadU(d, scores + c * tile.pitch));
  }
  auto total = hn::Zero(d);
  auto gap = hn::Zero(d);   // from the label's score to the largest
  auto gaps = hn::Zero(d);  // of all classes
  for (std::int64_t c = 0; c < tile.outputs; ++c) {
    T* const at = scores + c * tile.pitch;
    const auto below = hn::Sub(hn::LoadU(d, at), largest);
    const auto is_label = hn::Eq(label, hn::Set(d, static_cast<T>(c)));
    gap = hn::IfThenElse(is_label, below, gap);
    if constexpr (smoothed) {
      gaps = hn::Add(gaps, below);
    }
    const auto power = decay_of(d, below);
    total = hn::Add(total, power);
    hn::StoreU(power, d, at);
  }
  const auto scale = hn::Div(weight, total);
  for (std::int64_t c = 0; c < tile.outputs; ++c) {
    T* const at = scores + c * tile.pitch;
    const auto is_label = hn::Eq(label, hn::Set(d, static_cast<T>(c)));
    const auto p = hn::Mul(hn::LoadU(d, at), scale);
    if constexpr (smoothed) {
      const auto share = hn::Add(spread, hn::IfThenElseZero(is_label, own));
      hn::StoreU(hn::NegMulAdd(share, weight, p), d, at);
    } else {
      hn::StoreU(hn::Sub(p, hn::IfThenElseZero(is_label, weight)), d, at);
    }
  }
  if constexpr (smoothed) {
    gap = hn::MulAdd(own, gap, hn::Mul(spread, gaps));
  }
  return hn::Mul(weight, hn::Sub(logarithm_of(d, total), gap));
}

template <bool smoothed, class T>
void softmax_on_target(const SoftmaxLoss& smoothing, const TileScores<T>& tile) {
  for (std::int64_t k = 0; k < tile.models; ++k) {
    T* const scores = tile.scores + k * tile.outputs * tile.pitch;
    RowSum<T> sum(tile.loss + k * tile.outputs * sum_lanes);
    for_row_vectors<T>(tile.count, [&](std::int64_t r, std::int64_t rows) {
      sum.add(softmax_of_rows<smoothed>(smoothing, tile, scores + r, r), rows);
    });
    sum.keep();
  }
  add_residuals(tile);
}

}  // namespace

// One function a loss and an arithmetic, for the table of instruction sets.
#define STEEPEST_RESIDUALS(T)                                                                  \
  void squared_##T(const SquaredLoss&, const TileScores<T>& tile) { squared_on_target(tile); } \
  void huber_##T(const HuberLoss& loss, const TileScores<T>& tile) {                           \
    huber_on_target(loss, tile);                                                               \
  }                                                                                            \
  void quantile_##T(const QuantileLoss& loss, const TileScores<T>& tile) {                     \
    quantile_on_target(loss, tile);                                                            \
  }                                                                                            \
  void poisson_##T(const PoissonLoss&, const TileScores<T>& tile) { poisson_on_target(tile); } \
  void logistic_##T(const LogisticLoss& loss, const TileScores<T>& tile) {                     \
    loss.smoothing > 0.0 ? logistic_on_target<true>(loss, tile)                                \
                         : logistic_on_target<false>(loss, tile);                              \
  }                                                                                            \
  void softmax_##T(const SoftmaxLoss& loss, const TileScores<T>& tile) {                       \
    loss.smoothing > 0.0 ? softmax_on_target<true>(loss, tile)                                 \
                         : softmax_on_target<false>(loss, tile);                               \
  }
STEEPEST_RESIDUALS(float)
STEEPEST_RESIDUALS(double)
#undef STEEPEST_RESIDUALS

}  // namespace steepest::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest::kernels {

#define STEEPEST_RESIDUALS(name, Loss, T)                     \
  HWY_EXPORT(name##_##T);                                     \
  template <>                                                 \
  void tile_residuals(Loss loss, const TileScores<T>& tile) { \
    HWY_DYNAMIC_DISPATCH(name##_##T)(loss, tile);             \
  }
STEEPEST_RESIDUALS(squared, SquaredLoss, float)
STEEPEST_RESIDUALS(squared, SquaredLoss, double)
STEEPEST_RESIDUALS(huber, HuberLoss, float)
STEEPEST_RESIDUALS(huber, HuberLoss, double)
STEEPEST_RESIDUALS(quantile, QuantileLoss, float)
STEEPEST_RESIDUALS(quantile, QuantileLoss, double)
STEEPEST_RESIDUALS(poisson, PoissonLoss, float)
STEEPEST_RESIDUALS(poisson, PoissonLoss, double)
STEEPEST_RESIDUALS(logistic, LogisticLoss, float)
STEEPEST_RESIDUALS(logistic, LogisticLoss, double)
STEEPEST_RESIDUALS(softmax, SoftmaxLoss, float)
STEEPEST_RESIDUALS(softmax, SoftmaxLoss, double)
#undef STEEPEST_RESIDUALS

}  // namespace steepest::kernels
#endif  // HWY_ONCE
