// SPDX-License-Identifier: Apache-2.0
// Columns of a new file for a model that knows its features already.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "src/data/column_plan.hpp"
#include "src/data/excerpt.hpp"
#include "steepest/error.hpp"

namespace steepest::data {
namespace {

using Columns = std::vector<std::int64_t>;

Columns features_by_name(const ColumnNames& names, const Schema& schema) {
  Columns columns;
  for (const FeatureColumn& feature : schema.columns) {
    const std::int64_t column = names.find(feature.name);
    if (column < 0) {
      throw InputError(Location{names.file()},
                       fmt::format("the model needs the column {}, which is not there. {}",
                                   quoted(feature.name), names.suggestion(feature.name)));
    }
    columns.push_back(column);
  }
  return columns;
}

// Columns that --target, --weight and --ignore name, sorted.
Columns named_by_options(const ColumnNames& names, const ReadOptions& options) {
  Columns columns;
  for (const std::string& text : options.targets) {
    columns.push_back(names.resolve(text, "--target"));
  }
  if (!options.weight.empty()) {
    columns.push_back(names.resolve(options.weight, "--weight"));
  }
  for (const std::string& text : options.ignore) {
    columns.push_back(names.resolve(text, "--ignore"));
  }
  std::sort(columns.begin(), columns.end());
  return columns;
}

// Without a header: all columns that are nothing else, in order, when that gives each feature one;
// else by the number in names such as x7, when every feature has such a name.
Columns features_by_position(const ColumnNames& names, const ReadOptions& options,
                             const Schema& schema) {
  const Columns taken = named_by_options(names, options);
  Columns rest;
  for (std::int64_t column = 0; column < names.size(); ++column) {
    if (!std::binary_search(taken.begin(), taken.end(), column)) {
      rest.push_back(column);
    }
  }
  if (rest.size() == schema.columns.size()) {
    return rest;
  }
  Columns numbered;
  for (const FeatureColumn& feature : schema.columns) {
    const std::int64_t column = names.find(feature.name);
    if (column < 0 || std::binary_search(taken.begin(), taken.end(), column)) {
      throw InputError(
          Location{names.file()},
          fmt::format("has no header and {} columns, and the model has {} features: they cannot be "
                      "matched by position. Fixes: name what is no feature by --target, --weight "
                      "or --ignore | add a header",
                      names.size(), schema.columns.size()));
    }
    numbered.push_back(column);
  }
  return numbered;
}

Columns targets_of(const ColumnNames& names, const ReadOptions& options, const Schema& schema) {
  Columns columns;
  if (!options.targets.empty()) {
    for (const std::string& text : options.targets) {
      columns.push_back(names.resolve(text, "--target"));
    }
    if (columns.size() != schema.target_names.size()) {
      throw OptionError(fmt::format("--target names {} columns, but the model has {} targets: {}",
                                    columns.size(), schema.target_names.size(),
                                    list_of(schema.target_names)));
    }
    return columns;
  }
  std::optional<std::string> absent;
  for (const std::string& name : schema.target_names) {
    const std::int64_t column = names.find(name);
    if (column < 0) {
      absent = name;
    } else {
      columns.push_back(column);
    }
  }
  if (absent && !columns.empty()) {
    throw InputError(Location{names.file()},
                     fmt::format("has some of the model's targets, but not {}", quoted(*absent)));
  }
  return columns;
}

void check_free(const ColumnNames& names, const Columns& features, std::int64_t column,
                const char* role) {
  if (std::find(features.begin(), features.end(), column) != features.end()) {
    throw OptionError(fmt::format("column {} ({}) is a feature of the model; it cannot be the {}",
                                  column + 1, quoted(names[column]), role));
  }
}

}  // namespace

ColumnPlan match_columns(const ColumnNames& names, bool has_header, const ReadOptions& options,
                         const Schema& schema, bool with_targets) {
  ColumnPlan plan;
  plan.features = schema.columns;
  plan.feature_columns =
      has_header ? features_by_name(names, schema) : features_by_position(names, options, schema);
  if (!with_targets) {
    return plan;
  }
  plan.target_names = schema.target_names;
  plan.target_columns = targets_of(names, options, schema);
  plan.targets_are_classes = !schema.classes.empty();
  // Without a header all columns may be features: a name such as x29 then is no target.
  const bool implied = !has_header && options.targets.empty();
  const bool all_features = plan.feature_columns.size() == static_cast<std::size_t>(names.size());
  if (implied && all_features) {
    plan.target_columns.clear();
  }
  for (const std::int64_t column : plan.target_columns) {
    check_free(names, plan.feature_columns, column, "target");
  }
  if (!options.weight.empty()) {
    plan.weight_column = names.resolve(options.weight, "--weight");
  } else if (!schema.weight_name.empty() && !all_features) {
    plan.weight_column = names.find(schema.weight_name);
  }
  if (plan.weight_column >= 0) {
    check_free(names, plan.feature_columns, plan.weight_column, "weight");
    plan.weight_name = names[plan.weight_column];
  }
  return plan;
}

}  // namespace steepest::data
