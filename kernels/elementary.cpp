// SPDX-License-Identifier: Apache-2.0
// Compiled once for every instruction set by Highway; the best one is chosen at run time.
#include "kernels/elementary.hpp"

#include <cstddef>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementary.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
// After foreach_target.h
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include "kernels/tile_blocks-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace steepest::kernels::HWY_NAMESPACE {
namespace {

// values = function(values). The last vector is filled with ones.
template <class Function>
HWY_INLINE void in_place(double* values, std::int64_t count, Function function) {
  const Tag<double> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(function(hn::LoadU(d, values + i)), d, values + i);
  }
  if (i < count) {
    HWY_ALIGN double rest[64 / sizeof(double)];
    hn::Store(hn::Set(d, 1.0), d, rest);
    for (std::int64_t k = i; k < count; ++k) {
      rest[k - i] = values[k];
    }
    hn::Store(function(hn::Load(d, rest)), d, rest);
    for (std::int64_t k = i; k < count; ++k) {
      values[k] = rest[k - i];
    }
  }
}

}  // namespace

void exponentials_of(double* values, std::int64_t count) {
  const Tag<double> d;
  const auto lowest = hn::Set(d, -708.0);
  in_place(values, count, [&](auto v) {
    // Its slow way, and what is no normal number, are kept out.
    const auto usable = hn::Ge(v, lowest);
    return hn::IfThenElseZero(usable, hn::Exp(d, hn::Max(v, lowest)));
  });
}

void logarithms_of(double* values, std::int64_t count) {
  const Tag<double> d;
  in_place(values, count, [&](auto v) { return hn::Log(d, v); });
}

}  // namespace steepest::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest::kernels {

HWY_EXPORT(exponentials_of);
HWY_EXPORT(logarithms_of);

void exponentials(double* values, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(exponentials_of)(values, count);
}

void logarithms(double* values, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(logarithms_of)(values, count);
}

}  // namespace steepest::kernels
#endif  // HWY_ONCE
