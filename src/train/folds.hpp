// SPDX-License-Identifier: Apache-2.0
// Which rows are held out together in cross-validation.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "steepest/row_source.hpp"

namespace steepest::train {

/// The fold of every row, in [0, folds), fixed by seed: folds differ by at most one row, and, of
/// classes, by at most one row of each class. Throws OptionError for fewer than 2 or more than 255
/// folds, or more than rows; InputError for a class of one row, which some model would never see.
[[nodiscard]] std::shared_ptr<const std::vector<std::uint8_t>> make_folds(const RowSource& data,
                                                                          std::int64_t folds,
                                                                          std::uint64_t seed);

/// The sum of the weights of each fold. Throws InputError where one is 0, or all of the sum.
[[nodiscard]] std::vector<double> fold_weights(const RowSource& data,
                                               const std::vector<std::uint8_t>& fold_of_row,
                                               std::int64_t folds);

}  // namespace steepest::train
