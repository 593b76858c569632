// SPDX-License-Identifier: Apache-2.0
#include "kernels/standardize.hpp"

#include <algorithm>

namespace steepest::kernels {

void standardize(const std::vector<double>& mean, const std::vector<double>& scale,
                 ThreadPool& pool, FeatureMatrix& features) {
  constexpr std::int64_t rows_per_task = 1024;
  const std::int64_t tasks = (features.rows() + rows_per_task - 1) / rows_per_task;
  pool.for_each(tasks, [&](std::int64_t task, int /*worker*/) {
    const std::int64_t end = std::min(features.rows(), (task + 1) * rows_per_task);
    for (std::int64_t i = task * rows_per_task; i < end; ++i) {
      float* row = features.row(i);
      for (std::int64_t j = 0; j < features.columns(); ++j) {
        const auto column = static_cast<std::size_t>(j);
        row[j] = standardized(row[j], mean[column], scale[column]);
      }
    }
  });
}

}  // namespace steepest::kernels
