// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/row_split.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "src/data/excerpt.hpp"
#include "steepest/error.hpp"

namespace steepest::calibrate {
namespace {

std::uint64_t mix(std::uint64_t x) {  // the finalizer of splitmix64
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31U);
}

}  // namespace

std::vector<bool> rows_held_out(std::int64_t rows, double fraction, std::uint64_t seed) {
  if (!(fraction > 0.0 && fraction < 1.0)) {
    throw OptionError(fmt::format("--valid-fraction {} is not in (0, 1)", fraction));
  }
  std::vector<bool> is_out(static_cast<std::size_t>(rows));
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::uint64_t draw =
        mix(mix(seed + 1) + static_cast<std::uint64_t>(r) * 0x9E3779B97F4A7C15ULL);
    is_out[static_cast<std::size_t>(r)] = static_cast<double>(draw >> 11U) * 0x1p-53 < fraction;
  }
  const auto count = std::count(is_out.begin(), is_out.end(), true);
  if (count == 0 || count == rows) {
    throw OptionError(fmt::format(
        "--valid-fraction {} of {} row{} leaves none on one side: give more rows, another "
        "fraction, or, with --method vector or matrix, a --penalty",
        fraction, data::grouped(rows), rows == 1 ? "" : "s"));
  }
  return is_out;
}

}  // namespace steepest::calibrate
