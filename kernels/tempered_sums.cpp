// SPDX-License-Identifier: Apache-2.0
// Compiled once for every instruction set by Highway; the best one is chosen at run time.
#include "kernels/tempered_sums.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tempered_sums.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
// After foreach_target.h
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include "kernels/tile_blocks-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace steepest::kernels::HWY_NAMESPACE {
namespace {

// Fewer classes than this are summed with a row in every lane.
constexpr std::int64_t few_classes = 32;

// Vectors of one row before float sums are carried on in double.
constexpr std::int64_t carried_vectors = 64;

constexpr int nodes_at_once = many_registers ? 2 : 1;

template <class T>
using Vector = hn::VFromD<Tag<T>>;

// e^(-u) for u in [0, largest_exponent].
HWY_INLINE Vector<double> exp_minus(Vector<double> u) {
  const Tag<double> d;
  return hn::Exp(d, hn::Neg(u));
}

// As above: 2^q 2^r, where -u log2(e) = q + r and q is whole. Adding 1.5 * 2^23 rounds to q and
// leaves it, biased, in the lowest bits, from where it goes to the exponent's. 2^r is 1 + r times
// the polynomial that meets (2^r - 1) / r at the Chebyshev points of [-1/2, 1/2], in error by less
// than 1e-8 of 2^r.
HWY_INLINE Vector<float> exp_minus(Vector<float> u) {
  constexpr float rounding = 12582912.0F + 127.0F;
  constexpr int exponent_bits = 23;
  constexpr float log2_e = 1.44269504F;
  constexpr float powers[] = {1.54531634e-4F, 1.33908633e-3F, 9.61808301e-3F,
                              5.55035696e-2F, 2.40226507e-1F, 6.93147182e-1F};
  const Tag<float> d;
  const hn::RebindToSigned<Tag<float>> di;
  const auto log2 = hn::Set(d, -log2_e);
  const auto biased = hn::MulAdd(u, log2, hn::Set(d, rounding));
  const auto whole = hn::Sub(biased, hn::Set(d, rounding));
  const auto rest = hn::MulSub(u, log2, whole);
  auto sum = hn::Set(d, powers[0]);
  for (std::size_t k = 1; k < std::size(powers); ++k) {
    sum = hn::MulAdd(sum, rest, hn::Set(d, powers[k]));
  }
  sum = hn::MulAdd(sum, rest, hn::Set(d, 1.0F));
  return hn::Mul(sum, hn::BitCast(d, hn::ShiftLeft<exponent_bits>(hn::BitCast(di, biased))));
}

// The five sums, in lanes.
template <class T>
struct LaneSums {
  Vector<T> total;
  Vector<T> first;
  Vector<T> second;
  Vector<T> square;
  Vector<T> square_first;

  HWY_INLINE LaneSums()
      : total(hn::Zero(Tag<T>())),
        first(total),
        second(total),
        square(total),
        square_first(total) {}

  // u >= 0, or infinite where a class is masked.
  HWY_INLINE void add(Vector<T> u) {
    u = hn::Min(u, hn::Set(Tag<T>(), static_cast<T>(largest_exponent)));
    const auto e = exp_minus(u);
    const auto ue = hn::Mul(u, e);
    total = hn::Add(total, e);
    first = hn::Add(first, ue);
    second = hn::MulAdd(u, ue, second);
    square = hn::MulAdd(e, e, square);
    square_first = hn::MulAdd(ue, e, square_first);
  }
};

// The sum of all lanes, in double.
template <class T>
HWY_INLINE double sum_of(Vector<T> v) {
  const Tag<double> wide;
  if constexpr (std::is_same_v<T, double>) {
    return hn::GetLane(hn::SumOfLanes(wide, v));
  } else {
    const hn::Half<Tag<T>> half;
    auto sum = hn::PromoteTo(wide, hn::LowerHalf(half, v));
#if HWY_TARGET != HWY_SCALAR
    sum = hn::Add(sum, hn::PromoteTo(wide, hn::UpperHalf(half, v)));
#endif
    return hn::GetLane(hn::SumOfLanes(wide, sum));
  }
}

// body(first, lanes used) for every vector of [begin, end): all lanes but in the last one.
template <class T, class Body>
HWY_INLINE void for_vectors(std::int64_t begin, std::int64_t end, Body body) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag<T>()));
  std::int64_t c = begin;
  for (; c + lanes <= end; c += lanes) {
    body(c, std::integral_constant<std::int64_t, 0>());
  }
  if (c < end) {
    body(c, end - c);
  }
}

// Whether for_vectors() gave a vector with unused lanes: known where it is compiled for most.
constexpr bool is_cut(std::integral_constant<std::int64_t, 0> /*all*/) { return false; }
constexpr bool is_cut(std::int64_t /*used*/) { return true; }

// largest - z for a vector of classes; infinite past the last one, as for a masked class.
template <class T, class Used>
HWY_INLINE Vector<T> gaps_at(const T* row, Vector<T> largest, Used used) {
  const Tag<T> d;
  const auto gap = hn::Sub(largest, hn::LoadU(d, row));
  if (!is_cut(used)) {
    return gap;
  }
  const auto infinite = hn::Set(d, std::numeric_limits<T>::infinity());
  return hn::IfThenElse(hn::FirstN(d, static_cast<std::size_t>(used)), gap, infinite);
}

// What is said of a row before any exponential.
template <class T>
HWY_INLINE LogitRow look_at_row(const T* row, std::int64_t classes) {
  const Tag<T> d;
  const auto limit = hn::Set(d, static_cast<T>(largest_logit));
  const auto lowest = hn::Set(d, -std::numeric_limits<T>::infinity());
  auto largest = lowest;
  auto plain = hn::Eq(limit, limit);
  for_vectors<T>(0, classes, [&](std::int64_t c, auto used) {
    auto z = hn::LoadU(d, row + c);
    auto usable = hn::Le(hn::Abs(z), limit);
    if (is_cut(used)) {
      const auto valid = hn::FirstN(d, static_cast<std::size_t>(used));
      usable = hn::Or(usable, hn::Not(valid));
      z = hn::IfThenElse(valid, z, lowest);
    }
    plain = hn::And(plain, usable);
    largest = hn::Max(largest, z);
  });
  LogitRow look;
  look.plain = hn::AllTrue(d, plain);
  look.largest = hn::GetLane(hn::MaxOfLanes(d, largest));
  return look;
}

template <class T>
HWY_INLINE void carry(const LaneSums<T>& lanes, TemperedSums& sums) {
  sums.total += sum_of<T>(lanes.total);
  sums.first += sum_of<T>(lanes.first);
  sums.second += sum_of<T>(lanes.second);
  sums.square += sum_of<T>(lanes.square);
  sums.square_first += sum_of<T>(lanes.square_first);
}

// One row at `width` nodes, and the sum of its gaps where asked for.
template <class T, int width, bool with_gaps>
HWY_INLINE void sums_of_row(const T* row, std::int64_t classes, const double* betas, LogitRow& look,
                            TemperedSums* sums) {
  const Tag<T> d;
  const auto largest = hn::Set(d, static_cast<T>(look.largest));
  const auto finite = hn::Set(d, std::numeric_limits<T>::max());
  const auto beta0 = hn::Set(d, static_cast<T>(betas[0]));
  const auto beta1 = hn::Set(d, static_cast<T>(betas[width - 1]));
  const std::int64_t chunk = carried_vectors * static_cast<std::int64_t>(hn::Lanes(d));
  std::fill_n(sums, width, TemperedSums{});
  for (std::int64_t begin = 0; begin < classes; begin += chunk) {
    LaneSums<T> lanes0;
    LaneSums<T> lanes1;
    auto gaps = hn::Zero(d);
    for_vectors<T>(begin, std::min(begin + chunk, classes), [&](std::int64_t c, auto used) {
      const auto gap = gaps_at(row + c, largest, used);
      if constexpr (with_gaps) {
        __builtin_prefetch(row + classes + c, 0, 2);  // the next row, while this one is computed
        gaps = hn::Add(gaps, hn::IfThenElseZero(hn::Le(gap, finite), gap));
      }
      lanes0.add(hn::Mul(beta0, gap));
      if constexpr (width == 2) {
        lanes1.add(hn::Mul(beta1, gap));
      }
    });
    if constexpr (with_gaps) {
      look.gap_sum += sum_of<T>(gaps);
    }
    carry(lanes0, sums[0]);
    if constexpr (width == 2) {
      carry(lanes1, sums[1]);
    }
  }
}

template <class T>
void rows_of_many_classes(const LogitTile<T>& tile, const double* betas, std::int64_t nodes,
                          LogitRow* looks, TemperedSums* sums) {
  for (std::int64_t r = 0; r < tile.rows; ++r) {
    const T* const row = tile.logits + r * tile.classes;
    looks[r] = look_at_row(row, tile.classes);
    for_blocks<nodes_at_once>(nodes, [&](auto width, std::int64_t first) {
      TemperedSums* const to = sums + r * nodes + first;
      if (first == 0) {
        sums_of_row<T, width(), true>(row, tile.classes, betas, looks[r], to);
      } else {
        sums_of_row<T, width(), false>(row, tile.classes, betas + first, looks[r], to);
      }
    });
  }
}

// Lanes to rows: element `row` of `to`, a member of every `stride`-th struct.
template <class T, class Struct>
HWY_INLINE void scatter(Vector<T> v, std::int64_t rows, double Struct::*member, Struct* to,
                        std::int64_t stride) {
  HWY_ALIGN T lanes[64 / sizeof(T)];
  hn::Store(v, Tag<T>(), lanes);
  for (std::int64_t r = 0; r < rows; ++r) {
    to[r * stride].*member = lanes[static_cast<std::size_t>(r)];
  }
}

// As many rows as lanes, of few classes: `count` of them are there.
template <class T>
HWY_INLINE void rows_in_lanes(const T* logits, std::int64_t count, std::int64_t classes,
                              const double* betas, std::int64_t nodes, LogitRow* looks,
                              TemperedSums* sums) {
  const Tag<T> d;
  const hn::RebindToSigned<decltype(d)> di;
  using Index = hn::TFromD<decltype(di)>;
  constexpr std::size_t widest = 64 / sizeof(T);
  HWY_ALIGN T tile[few_classes * widest];
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const auto last = hn::Set(di, static_cast<Index>(count - 1));
  const auto rows = hn::Min(hn::Iota(di, 0), last);
  const auto offsets = hn::Mul(rows, hn::Set(di, static_cast<Index>(classes)));
  const auto limit = hn::Set(d, static_cast<T>(largest_logit));
  auto largest = hn::Set(d, -std::numeric_limits<T>::infinity());
  auto plain = hn::Set(d, T(1));
  for (std::int64_t c = 0; c < classes; ++c) {
    const auto z = hn::GatherIndex(d, logits + c, offsets);
    plain = hn::IfThenElseZero(hn::Le(hn::Abs(z), limit), plain);
    largest = hn::Max(largest, z);
    hn::Store(z, d, tile + c * lanes);
  }
  auto gaps = hn::Zero(d);
  const auto finite = hn::Set(d, std::numeric_limits<T>::max());
  for (std::int64_t c = 0; c < classes; ++c) {
    const auto gap = hn::Sub(largest, hn::Load(d, tile + c * lanes));
    gaps = hn::Add(gaps, hn::IfThenElseZero(hn::Le(gap, finite), gap));
    hn::Store(gap, d, tile + c * lanes);
  }
  scatter<T>(largest, count, &LogitRow::largest, looks, 1);
  scatter<T>(gaps, count, &LogitRow::gap_sum, looks, 1);
  HWY_ALIGN T flags[widest];
  hn::Store(plain, d, flags);
  for (std::int64_t r = 0; r < count; ++r) {
    looks[r].plain = flags[static_cast<std::size_t>(r)] != T(0);
  }
  for (std::int64_t j = 0; j < nodes; ++j) {
    const auto beta = hn::Set(d, static_cast<T>(betas[j]));
    LaneSums<T> node;
    for (std::int64_t c = 0; c < classes; ++c) {
      node.add(hn::Mul(beta, hn::Load(d, tile + c * lanes)));
    }
    scatter<T>(node.total, count, &TemperedSums::total, sums + j, nodes);
    scatter<T>(node.first, count, &TemperedSums::first, sums + j, nodes);
    scatter<T>(node.second, count, &TemperedSums::second, sums + j, nodes);
    scatter<T>(node.square, count, &TemperedSums::square, sums + j, nodes);
    scatter<T>(node.square_first, count, &TemperedSums::square_first, sums + j, nodes);
  }
}

template <class T>
void sums_of_tile(const LogitTile<T>& tile, const double* betas, std::int64_t nodes,
                  LogitRow* looks, TemperedSums* sums) {
  if (tile.classes >= few_classes) {
    rows_of_many_classes(tile, betas, nodes, looks, sums);
    return;
  }
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(Tag<T>()));
  for (std::int64_t r = 0; r < tile.rows; r += lanes) {
    rows_in_lanes(tile.logits + r * tile.classes, std::min(lanes, tile.rows - r), tile.classes,
                  betas, nodes, looks + r, sums + r * nodes);
  }
}

}  // namespace

void sums_of_floats(const LogitTile<float>& tile, const double* betas, std::int64_t nodes,
                    LogitRow* looks, TemperedSums* sums) {
  sums_of_tile(tile, betas, nodes, looks, sums);
}
void sums_of_doubles(const LogitTile<double>& tile, const double* betas, std::int64_t nodes,
                     LogitRow* looks, TemperedSums* sums) {
  sums_of_tile(tile, betas, nodes, looks, sums);
}

}  // namespace steepest::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest::kernels {

HWY_EXPORT(sums_of_floats);
HWY_EXPORT(sums_of_doubles);

template <>
void tempered_sums(const LogitTile<float>& tile, const double* betas, std::int64_t nodes,
                   LogitRow* looks, TemperedSums* sums) {
  HWY_DYNAMIC_DISPATCH(sums_of_floats)(tile, betas, nodes, looks, sums);
}

template <>
void tempered_sums(const LogitTile<double>& tile, const double* betas, std::int64_t nodes,
                   LogitRow* looks, TemperedSums* sums) {
  HWY_DYNAMIC_DISPATCH(sums_of_doubles)(tile, betas, nodes, looks, sums);
}

}  // namespace steepest::kernels
#endif  // HWY_ONCE
