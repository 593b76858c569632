// SPDX-License-Identifier: Apache-2.0
// Which vector instructions the reader uses.
#pragma once

#include <cstdint>
#include <string_view>

namespace steepest::data {

/// Every level gives the same bits; they differ in speed.
enum class SimdLevel : std::uint8_t {
  portable,  ///< plain C++ and fast_float
  avx2,      ///< x86-64-v3
  avx512,    ///< x86-64-v4 with VBMI2: Ice Lake, Zen 4 and later
};

/// The highest level this build has and this processor runs. Asks the processor once.
[[nodiscard]] SimdLevel best_simd_level();

[[nodiscard]] std::string_view name_of(SimdLevel level);

}  // namespace steepest::data
