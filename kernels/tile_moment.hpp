// SPDX-License-Identifier: Apache-2.0
// The product of a tile of rows with itself, M += L^T R, where only half of the result is needed.
// CPU only; vector width chosen at run time.
#pragma once

#include <cstdint>

namespace steepest::kernels {

/// How far apart rows of `width` elements lie in a panel: at least `width`, a whole number of the
/// widest vectors, and an odd number of cache lines, so that a column of a panel does not fall into
/// one set of the cache.
template <class T>
[[nodiscard]] constexpr std::int64_t panel_pitch(std::int64_t width) {
  constexpr std::int64_t line = 64 / static_cast<std::int64_t>(sizeof(T));
  return ((width + line - 1) / line | 1) * line;
}

/// panel[r * pitch + j] = rows[r][j] for `count` rows of `features` floats, FeatureMatrix::tail
/// floats being readable behind each. pitch >= features is a panel_pitch; up to the next whole
/// vector, elements past the features receive rubbish.
template <class T>
void widen_rows(const float* const* rows, std::int64_t count, std::int64_t features,
                std::int64_t pitch, T* panel);

/// sums[i * pitch + j] += sum_r left[r * pitch + i] * right[r * pitch + j] for all i <= j < width,
/// rows in order; elements with j < i, and past the width, receive rubbish. left, right are
/// (count, pitch), sums is (width, pitch), with pitch = panel_pitch<T>(width); rows of right must
/// be finite up to the pitch. Deterministic: each element's sum runs over the rows in order.
/// Meanwhile the cache is asked for `ahead_bytes` bytes from `ahead` on, what will be read next.
template <class T>
void tile_moment(const T* left, const T* right, std::int64_t count, std::int64_t width,
                 const float* ahead, std::int64_t ahead_bytes, T* sums);

}  // namespace steepest::kernels
