// SPDX-License-Identifier: Apache-2.0
// Weights of classes, multiplied into the weights of their rows.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "steepest/row_source.hpp"

namespace steepest {

/// W / (C W_c) for every class c of a source of classes, W the sum of the rows' weights, W_c that
/// of the rows of class c: every class counts alike, and the sum of all weights stays what it was
/// (King and Zeng 2001). Throws InputError for a class whose rows weigh nothing.
[[nodiscard]] std::vector<double> balanced_class_weights(const RowSource& rows);

/// Reads `class,weight` lines: a weight, finite and >= 0, for every one of `classes` and no other,
/// in any order; a class in quotes where it needs them; a first line without a number is a header.
/// Returns them in the order of `classes`. Throws InputError with the line.
[[nodiscard]] std::vector<double> read_class_weights(const std::string& path,
                                                     const std::vector<std::string>& classes);

/// The same rows, the weight of each multiplied by that of its class. Rows in memory are used up.
/// Throws OptionError where rows have no classes, or not as many as `weights`.
[[nodiscard]] std::shared_ptr<RowSource> weigh_classes(std::shared_ptr<RowSource> rows,
                                                       const std::vector<double>& weights);

}  // namespace steepest
