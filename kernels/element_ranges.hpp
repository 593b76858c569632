// SPDX-License-Identifier: Apache-2.0
// The elements of a model cut into fixed ranges for all threads, so that sums over them are added
// in the same order always.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/thread_pool.hpp"

namespace steepest::kernels {

/// Ranges that for_element_ranges makes of so many elements; at least 1.
[[nodiscard]] constexpr std::int64_t element_ranges(std::int64_t elements) {
  constexpr std::int64_t elements_per_range = 8192;
  return std::max<std::int64_t>(1, (elements + elements_per_range - 1) / elements_per_range);
}

/// body(begin, end, range) for every range, on all threads of the pool; a single one wakes none.
template <class Body>
void for_element_ranges(std::int64_t elements, ThreadPool& pool, Body body) {
  const std::int64_t ranges = element_ranges(elements);
  if (ranges == 1) {
    body(std::int64_t{0}, elements, std::int64_t{0});
    return;
  }
  const std::int64_t size = (elements + ranges - 1) / ranges;
  pool.for_each(ranges, [&](std::int64_t range, int /*worker*/) {
    body(std::min(elements, range * size), std::min(elements, (range + 1) * size), range);
  });
}

}  // namespace steepest::kernels
