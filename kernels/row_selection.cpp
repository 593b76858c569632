// SPDX-License-Identifier: Apache-2.0
#include "kernels/row_selection.hpp"

namespace steepest::kernels {

void select_rows(const FeatureMatrix& features, const RowSelection& rows, std::int64_t begin,
                 std::int64_t count, std::int64_t* indexes, const float** pointers) {
  if (rows.shuffled) {
    rows.order().rows_at(rows.first + begin, count, indexes);
    for (std::int64_t r = 0; r < count; ++r) {
      pointers[r] = features.row(indexes[r]);
    }
    return;
  }
  const float* row = features.row(rows.first + begin);
  for (std::int64_t r = 0; r < count; ++r, row += features.columns()) {
    indexes[r] = rows.first + begin + r;
    pointers[r] = row;
  }
}

}  // namespace steepest::kernels
