// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda_emulation/warp_product.hpp"

#include <cstring>

#include "tests/cuda_emulation/block.hpp"
#include "tests/cuda_emulation/emulation.hpp"

namespace steepest::emulation {
namespace {

using kernels::Rounding;

struct Words {
  std::uint32_t a[4];
  std::uint32_t b[2];
};

float float_of(std::uint32_t bits) {
  float value = 0.0F;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// Number `half` of a word.
float number(std::uint32_t word, Rounding rounding, unsigned half) {
  return float_of(rounding == Rounding::tf32 ? word : half == 0 ? word << 16 : word & 0xFFFF0000U);
}

void require_rounded(const Words& words) {
  constexpr std::uint32_t ignored = (1U << 13) - 1;
  for (const std::uint32_t word :
       {words.a[0], words.a[1], words.a[2], words.a[3], words.b[0], words.b[1]}) {
    if ((word & ignored) != 0) {
      misuse("tensor cores get a number that is not rounded to tf32");
    }
  }
}

}  // namespace

void multiply_add_in_warp(float (&sums)[4], const std::uint32_t (&a)[4],
                          const std::uint32_t (&b)[2], Rounding rounding, unsigned line) {
  constexpr unsigned words = 8;  // of a row of A
  constexpr unsigned quad = 4;   // lanes that share a row
  static_assert(sizeof(Words) == most_given_bytes);
  Words mine{};
  std::memcpy(mine.a, a, sizeof mine.a);
  std::memcpy(mine.b, b, sizeof mine.b);
  if (rounding == Rounding::tf32) {
    require_rounded(mine);
  }
  Words all[warp_threads];
  gather_from_warp(&mine, sizeof mine, all, line);
  const unsigned lane = current_thread.x % warp_threads;
  const unsigned row = lane / quad;
  const unsigned halves = rounding == Rounding::tf32 ? 1 : 2;
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned column = lane % quad * 2 + i % 2;
    for (unsigned k = 0; k < words; ++k) {
      const std::uint32_t x = all[row * quad + k % quad].a[k / quad * 2 + i / 2];
      const std::uint32_t y = all[column * quad + k % quad].b[k / quad];
      for (unsigned half = 0; half < halves; ++half) {
        sums[i] += number(x, rounding, half) * number(y, rounding, half);
      }
    }
  }
}

}  // namespace steepest::emulation
