// SPDX-License-Identifier: Apache-2.0
// Whether classes can be told apart without an error: then a classifier's loss without a penalty
// has no finite optimum.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/backend.hpp"
#include "steepest/row_source.hpp"

namespace steepest::train {

/// The smallest difference between the score of a row's class and the highest of the others, over
/// the `rows` rows of positive weight, at model 0 of the backend, which may have taken the
/// features; `columns` is 1 for logistic loss. Above 0 the point's parameters times t have a loss
/// that tends to 0 with t: the classes are separated. A pass over the rows.
[[nodiscard]] double smallest_margin(kernels::Backend& backend, const RowSource& data,
                                     std::int64_t rows, std::int64_t columns);

/// The first feature that separates one class from the others, quasi-completely at least (Albert
/// and Anderson 1984): all of that class lie at or beyond a value that no other row passes, and
/// some beyond it. Along its coefficient no row's loss ever rises and some fall, so there is no
/// finite optimum. Without an intercept the value must be 0. Returns the beginning of a sentence
/// that says so, or an empty text. A pass over the features; none where classes times features are
/// more than 10 million.
[[nodiscard]] std::string find_separating_feature(const RowSource& data, bool intercept,
                                                  int threads);

}  // namespace steepest::train
