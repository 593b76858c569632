// SPDX-License-Identifier: Apache-2.0
// The role of every column of a file: feature, target, weight, or none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/data/column_names.hpp"
#include "src/data/header.hpp"
#include "steepest/dataset.hpp"
#include "steepest/read.hpp"

namespace steepest::data {

struct ColumnPlan {
  std::vector<FeatureColumn> features;        ///< names and kinds; levels only from a known schema
  std::vector<std::int64_t> feature_columns;  ///< where in the file
  std::vector<std::string> target_names;
  std::vector<std::int64_t> target_columns;
  bool targets_are_classes = false;
  bool numbers_were_assumed = false;  ///< TargetKind::automatic took numbers from the head
  std::string weight_name;
  std::int64_t weight_column = -1;
};

/// Roles by the options. Throws InputError for a column the file lacks, OptionError for a column in
/// two roles.
[[nodiscard]] ColumnPlan plan_columns(const ColumnNames& names, const HeadSample& sample,
                                      const ReadOptions& options);

/// Roles by a schema learned before. With a header columns are found by name, and others ignored;
/// without one see docs/formats.md, "A known schema". `with_targets`: whether targets and weights
/// are wanted; they are left out when the file has none of them.
[[nodiscard]] ColumnPlan match_columns(const ColumnNames& names, bool has_header,
                                       const ReadOptions& options, const Schema& schema,
                                       bool with_targets);

}  // namespace steepest::data
