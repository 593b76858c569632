// SPDX-License-Identifier: Apache-2.0
// What a Schema and a Dataset count and name.
#include <utility>

#include "steepest/dataset.hpp"

namespace steepest {

std::int64_t FeatureColumn::width() const {
  return kind == ColumnKind::numeric ? 1 : static_cast<std::int64_t>(levels.size()) - 1;
}

std::vector<std::string> Schema::feature_names() const {
  std::vector<std::string> names;
  for (const FeatureColumn& column : columns) {
    if (column.kind == ColumnKind::numeric) {
      names.push_back(column.name);
      continue;
    }
    for (std::size_t k = 1; k < column.levels.size(); ++k) {
      names.push_back(column.name + "=" + column.levels[k]);
    }
  }
  return names;
}

std::int64_t Schema::feature_count() const {
  std::int64_t count = 0;
  for (const FeatureColumn& column : columns) {
    count += column.width();
  }
  return count;
}

std::int64_t Dataset::outputs() const {
  return static_cast<std::int64_t>(classifies() ? schema.classes.size()
                                                : schema.target_names.size());
}

}  // namespace steepest
