// SPDX-License-Identifier: Apache-2.0
// Vectors times a symmetric matrix of the size of a model: preconditioned gradients, and the
// gradients of squared loss.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/thread_pool.hpp"

namespace steepest::kernels {

/// out_c = M v_c for `columns` vectors of `size` elements, `stride` elements apart in v and out.
/// M is the top left of a symmetric matrix whose rows lie `pitch` >= size elements apart. Elements
/// of a result are summed in the order of the rows: the same bits for any number of threads.
inline void symmetric_product(const double* matrix, std::int64_t size, std::int64_t pitch,
                              const double* v, std::int64_t columns, std::int64_t stride,
                              ThreadPool& pool, double* out) {
  constexpr std::int64_t elements_per_task = 128;
  const std::int64_t tasks = (size + elements_per_task - 1) / elements_per_task;
  pool.for_each(tasks, [&](std::int64_t task, int /*worker*/) {
    const std::int64_t begin = task * elements_per_task;
    const std::int64_t end = std::min(size, begin + elements_per_task);
    for (std::int64_t c = 0; c < columns; ++c) {
      std::fill(out + c * stride + begin, out + c * stride + end, 0.0);
    }
    for (std::int64_t j = 0; j < size; ++j) {
      const double* const row = matrix + j * pitch;
      for (std::int64_t c = 0; c < columns; ++c) {
        const double factor = v[c * stride + j];
        double* const result = out + c * stride;
        for (std::int64_t i = begin; i < end; ++i) {
          result[i] += factor * row[i];
        }
      }
    }
  });
}

}  // namespace steepest::kernels
