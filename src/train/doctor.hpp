// SPDX-License-Identifier: Apache-2.0
// Looks at data before a fit for what will mislead it.
#pragma once

#include <string>
#include <vector>

#include "steepest/row_source.hpp"

namespace steepest::train {

/// Sentences, one a kind of trouble: columns that others already say, a column that alone gives the
/// target away (|correlation| above 0.9999, or a class by ranges or values), a column that counts
/// the rows, and, unless features will be `standardized`, deviations of very different size.
///
/// Looks at up to 20,000 rows, spread over all: fewer of wide data. What relates columns is then
/// held against every row, by one read where there is a suspicion. Weights are not looked at.
/// Deterministic.
[[nodiscard]] std::vector<std::string> examine(const RowSource& data, bool standardized,
                                               bool intercept);

}  // namespace steepest::train
