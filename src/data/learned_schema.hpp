// SPDX-License-Identifier: Apache-2.0
// What only all rows together tell: levels, classes, fills, and whether a target is a label.
#pragma once

#include <string>

#include "src/data/column_plan.hpp"
#include "src/data/row_decoder.hpp"
#include "src/data/row_store.hpp"

namespace steepest::data {

struct LearnedSchema {
  Schema schema;
  RowEncoding encoding;
  LabelRule label_rule;
};

/// Of all rows in the store. With `known` nothing is learned. Throws InputError for a column with a
/// single level, without any value, and for a single class.
[[nodiscard]] LearnedSchema learn_schema(const ColumnPlan& plan, const RowDecoder& decoder,
                                         const RowStore& store, const ReadOptions& options,
                                         const std::string& file, const Schema* known);

}  // namespace steepest::data
