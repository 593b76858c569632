// SPDX-License-Identifier: Apache-2.0
#include "kernels/row_selection.hpp"

namespace steepest::kernels {

void RowSelection::indexes_of(std::int64_t begin, std::int64_t size, std::int64_t* indexes) const {
  if (shuffled) {
    order().rows_at(first + begin, size, indexes);
    return;
  }
  for (std::int64_t r = 0; r < size; ++r) {
    indexes[r] = first + begin + r;
  }
}

void select_rows(const FeatureMatrix& features, const RowSelection& rows, std::int64_t begin,
                 std::int64_t count, std::int64_t* indexes, const float** pointers) {
  rows.indexes_of(begin, count, indexes);
  for (std::int64_t r = 0; r < count; ++r) {
    pointers[r] = features.row(indexes[r]);
  }
}

}  // namespace steepest::kernels
