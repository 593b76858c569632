// SPDX-License-Identifier: Apache-2.0
// Asks the processor what it can do, and picks.
#include "src/data/field_kernels.hpp"

#include <algorithm>

#include "src/data/field_kernels_levels.hpp"

namespace steepest::data {
namespace {

SimdLevel ask_processor() {
#ifdef __x86_64__
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi") != 0 &&
                    __builtin_cpu_supports("bmi2") != 0 && __builtin_cpu_supports("fma") != 0 &&
                    __builtin_cpu_supports("pclmul") != 0 && __builtin_cpu_supports("popcnt") != 0;
  const bool avx512 =
      avx2 && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
      __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
      __builtin_cpu_supports("avx512cd") != 0 && __builtin_cpu_supports("avx512vbmi2") != 0;
  return avx512 ? SimdLevel::avx512 : avx2 ? SimdLevel::avx2 : SimdLevel::portable;
#else
  return SimdLevel::portable;
#endif
}

}  // namespace

SimdLevel best_simd_level() {
  static const SimdLevel best = ask_processor();
  return best;
}

std::string_view name_of(SimdLevel level) {
  switch (level) {
    case SimdLevel::portable:
      return "portable";
    case SimdLevel::avx2:
      return "avx2";
    case SimdLevel::avx512:
      return "avx512";
  }
  return "";
}

const FieldKernels& field_kernels(SimdLevel level) {
#ifdef __x86_64__
  switch (std::min(level, best_simd_level())) {
    case SimdLevel::avx512:
      return avx512_field_kernels;
    case SimdLevel::avx2:
      return avx2_field_kernels;
    case SimdLevel::portable:
      break;
  }
#else
  static_cast<void>(level);
#endif
  return portable_field_kernels;
}

}  // namespace steepest::data
