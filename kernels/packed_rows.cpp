// SPDX-License-Identifier: Apache-2.0
// Compiled once for every instruction set by Highway; the best one is chosen at run time.
#include "kernels/packed_rows.hpp"

#include <algorithm>
#include <bit>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/packed_rows.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
// After foreach_target.h
#include <hwy/highway.h>

#include "kernels/tile_blocks-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace steepest::kernels::HWY_NAMESPACE {

void widen_on_target(const std::uint16_t* from, std::int64_t count, float* to) {
  constexpr int half_bits = 16;
  const Tag<float> d;
  const hn::Rebind<std::uint16_t, decltype(d)> halves;
  const hn::RebindToUnsigned<decltype(d)> words;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t j = 0;
  for (; j + lanes <= count; j += lanes) {
    const auto bits = hn::PromoteTo(words, hn::LoadU(halves, from + j));
    hn::StoreU(hn::BitCast(d, hn::ShiftLeft<half_bits>(bits)), d, to + j);
  }
  for (; j < count; ++j) {
    to[j] = from_bfloat16(from[j]);
  }
}

}  // namespace steepest::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest::kernels {

HWY_EXPORT(widen_on_target);

namespace {

// Calls body(first, count, worker) for blocks of rows, on all threads.
template <class Body>
void for_row_blocks(std::int64_t rows, ThreadPool& pool, Body body) {
  constexpr std::int64_t block_rows = 1024;
  pool.for_each((rows + block_rows - 1) / block_rows, [&](std::int64_t block, int worker) {
    const std::int64_t first = block * block_rows;
    body(first, std::min(block_rows, rows - first), worker);
  });
}

}  // namespace

std::uint16_t to_bfloat16(float value) {
  constexpr std::uint32_t below_half = 0x7fff;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + below_half + (bits >> 16 & 1)) >> 16);
}

float from_bfloat16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

PackedRows PackedRows::of_bytes(const FeatureMatrix& features, ThreadPool& pool) {
  PackedRows packed;
  packed.rows_ = features.rows();
  packed.features_ = features.columns();
  packed.bytes_.resize(static_cast<std::size_t>(packed.rows_ * packed.features_));
  for_row_blocks(packed.rows_, pool, [&](std::int64_t first, std::int64_t count, int /*worker*/) {
    const float* const from = features.row(first);
    std::uint8_t* const to = packed.bytes_.data() + first * packed.features_;
    for (std::int64_t e = 0; e < count * packed.features_; ++e) {
      to[e] = static_cast<std::uint8_t>(from[e]);
    }
  });
  return packed;
}

PackedRows PackedRows::of_bfloat16(const FeatureMatrix& features, const ColumnScales& scales,
                                   ThreadPool& pool) {
  PackedRows packed;
  packed.rows_ = features.rows();
  packed.features_ = features.columns();
  packed.halves_.resize(static_cast<std::size_t>(packed.rows_ * packed.features_));
  std::vector<std::vector<float>> standardized(static_cast<std::size_t>(pool.threads()));
  for_row_blocks(packed.rows_, pool, [&](std::int64_t first, std::int64_t count, int worker) {
    std::vector<float>& mine = standardized[static_cast<std::size_t>(worker)];
    mine.resize(static_cast<std::size_t>(count * packed.features_));
    standardize_rows(features.row(first), count, scales, mine.data());
    std::transform(mine.begin(), mine.end(), packed.halves_.begin() + first * packed.features_,
                   to_bfloat16);
  });
  return packed;
}

void PackedRows::ask_for(std::int64_t row) const {
  constexpr std::int64_t line = 64;
  const std::int64_t bytes = features_ * (bytes_.empty() ? 2 : 1);
  const char* const from = bytes_.empty()
                               ? reinterpret_cast<const char*>(halves_.data() + row * features_)
                               : reinterpret_cast<const char*>(bytes_.data() + row * features_);
  for (std::int64_t offset = 0; offset < bytes + line; offset += line) {
    __builtin_prefetch(from + std::min(offset, bytes - 1));
  }
}

void PackedRows::unpack(const std::int64_t* indexes, std::int64_t count, const ColumnScales& scales,
                        std::int64_t pitch, float* to) const {
  constexpr std::int64_t ahead = 4;
  for (std::int64_t r = 0; r < std::min(ahead, count); ++r) {
    ask_for(indexes[r]);
  }
  for (std::int64_t r = 0; r < count; ++r, to += pitch) {
    if (r + ahead < count) {
      ask_for(indexes[r + ahead]);
    }
    if (bytes_.empty()) {
      HWY_DYNAMIC_DISPATCH(widen_on_target)(halves_.data() + indexes[r] * features_, features_, to);
    } else {
      standardize_row(bytes_.data() + indexes[r] * features_, scales, to);
    }
  }
}

}  // namespace steepest::kernels
#endif  // HWY_ONCE
