// SPDX-License-Identifier: Apache-2.0
// What the vector number parsers share. Included by one source file a level: everything is static.
//
// A field [-]digits[.digits] of at most 16 bytes is an integer M < 10^16 times 10^-k, k < 16. M is
// converted to double and multiplied by a double near 10^-k: at most three roundings, so the
// product is within 2 units in the last place of the true value (2^-52 relative). Rounding it to
// float32 gives what rounding the true value would, unless a float32 midpoint lies between the two:
// bits 0 to 28 of the double, the ones float32 drops, then lie within 4 of 2^28. Those fields are
// left undecided.
#pragma once

#include <cstdint>

namespace steepest::data {
namespace {  // NOLINT(google-build-namespaces): a copy for each instruction set

inline constexpr int window = 16;  // bytes of a field that are read, before its end

inline constexpr std::uint64_t dropped_bits = (std::uint64_t{1} << 29) - 1;
inline constexpr std::uint64_t midpoint = std::uint64_t{1} << 28;
inline constexpr std::uint64_t guard = 4;

// 10^-k, correctly rounded.
alignas(64) inline constexpr double inverse_powers[window] = {
    1e-0, 1e-1, 1e-2,  1e-3,  1e-4,  1e-5,  1e-6,  1e-7,
    1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15};

// Weights of neighbours: two digits to one number below 100, two of these to one below 10^4, two of
// these to one below 10^8.
inline constexpr std::int16_t tens = 0x010A;          // bytes 10, 1
inline constexpr std::int32_t hundreds = 0x00010064;  // halves 100, 1
inline constexpr std::int32_t myriads = 0x00012710;   // halves 10000, 1

}  // namespace
}  // namespace steepest::data
