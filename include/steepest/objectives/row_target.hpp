// SPDX-License-Identifier: Apache-2.0
// What a row loss compares the scores of one row with.
#pragma once

#include <cstdint>

namespace steepest {

/// The target of one row: `values` (outputs long) for regression, `label` in [0, classes) for
/// classification. T is the arithmetic type of the pass, float or double.
template <class T>
struct RowTarget {
  const T* values;
  std::int32_t label;
};

}  // namespace steepest
