// SPDX-License-Identifier: Apache-2.0
// Sums over the threads of a warp and of a block, by exchanges of registers in a fixed order.
#pragma once

#include <cuda_runtime.h>

namespace steepest::kernels {

inline constexpr int warp_lanes = 32;
inline constexpr unsigned whole_warp = 0xFFFFFFFFU;

/// The totals over a warp of N numbers a thread, N a power of two up to 32. combine(word, a, b)
/// joins two parts of number `word`. Lane l returns number l / (32 / N), whatever lane adds up
/// what: every exchange halves the numbers a lane looks after, so that there are about N of them
/// instead of 5 N. All threads of the warp call it. Destroys `words`.
template <int N, class Combine>
__device__ double warp_totals(double (&words)[N], const Combine& combine) {
  const int lane = static_cast<int>(threadIdx.x) % warp_lanes;
  int word = 0;  // the first of those looked after
  int offset = warp_lanes / 2;
  for (int kept = N / 2; kept > 0; kept /= 2) {
    const bool upper = (lane & offset) != 0;
    word += upper ? kept : 0;
    for (int i = 0; i < kept; ++i) {
      const double given = upper ? words[i] : words[i + kept];
      const double own = upper ? words[i + kept] : words[i];
      words[i] = combine(word + i, own, __shfl_xor_sync(whole_warp, given, offset));
    }
    offset /= 2;
  }
  for (; offset > 0; offset /= 2) {
    words[0] = combine(word, words[0], __shfl_xor_sync(whole_warp, words[0], offset));
  }
  return words[0];
}

/// What the values of all threads of a warp combine to, for each of them: the same bits, where
/// combine(a, b) is combine(b, a). All threads of the warp call it.
template <class T, class Combine>
__device__ T warp_combined(T value, const Combine& combine) {
  for (int offset = warp_lanes / 2; offset > 0; offset /= 2) {
    value = combine(value, __shfl_xor_sync(whole_warp, value, offset));
  }
  return value;
}

/// The totals over a block of N numbers a thread, into total[N] in shared memory; `parts` is
/// (warps, N) there. All threads of the block call it; the first warp may read `total` when it
/// returns, others after the next barrier, after which `parts` is free again.
template <int N, class Combine>
__device__ void block_totals(double (&words)[N], const Combine& combine, double* parts,
                             double* total) {
  constexpr int lanes_a_word = warp_lanes / N;
  const int thread = static_cast<int>(threadIdx.x);
  const int warps = static_cast<int>(blockDim.x) / warp_lanes;
  const double mine = warp_totals(words, combine);
  if (thread % lanes_a_word == 0) {
    parts[thread / lanes_a_word] = mine;
  }
  __syncthreads();
  if (thread < warp_lanes) {
    if (thread < N) {
      double sum = parts[thread];
      for (int warp = 1; warp < warps; ++warp) {
        sum = combine(thread, sum, parts[warp * N + thread]);
      }
      total[thread] = sum;
    }
    __syncwarp();
  }
}

}  // namespace steepest::kernels
