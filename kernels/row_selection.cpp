// SPDX-License-Identifier: Apache-2.0
#include "kernels/row_selection.hpp"

namespace steepest::kernels {

void select_rows(const FeatureMatrix& features, const RowSelection& rows, std::int64_t begin,
                 std::int64_t count, std::int64_t* indexes, const float** pointers) {
  if (rows.shuffled) {
    const RowOrder order(rows.total_rows, rows.seed, rows.epoch);
    for (std::int64_t r = 0; r < count; ++r) {
      indexes[r] = order(rows.first + begin + r);
    }
  } else {
    for (std::int64_t r = 0; r < count; ++r) {
      indexes[r] = rows.first + begin + r;
    }
  }
  for (std::int64_t r = 0; r < count; ++r) {
    pointers[r] = features.row(indexes[r]);
  }
}

}  // namespace steepest::kernels
