// SPDX-License-Identifier: Apache-2.0
// Sums run over rows in order, in double: the fills do not depend on anything but the data.
#include "src/data/feature_encoding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "src/data/excerpt.hpp"
#include "steepest/error.hpp"

namespace steepest::data {
namespace {

bool any_categorical(const std::vector<FeatureColumn>& columns) {
  return std::any_of(columns.begin(), columns.end(), [](const FeatureColumn& column) {
    return column.kind == ColumnKind::categorical;
  });
}

// Renumbers one column's codes: position[old] is the new one.
void renumber(FeatureMatrix& decoded, std::int64_t column,
              const std::vector<std::int32_t>& position) {
  for (std::int64_t i = 0; i < decoded.rows(); ++i) {
    float& code = decoded.row(i)[column];
    if (!std::isnan(code)) {
      code = static_cast<float>(position[static_cast<std::size_t>(code)]);
    }
  }
}

// Frequency of each level but the baseline among the values present.
std::vector<double> level_frequencies(const FeatureMatrix& decoded, std::int64_t column,
                                      std::size_t levels) {
  std::vector<std::int64_t> counts(levels, 0);
  std::int64_t present = 0;
  for (std::int64_t i = 0; i < decoded.rows(); ++i) {
    const float code = decoded.row(i)[column];
    if (!std::isnan(code)) {
      ++counts[static_cast<std::size_t>(code)];
      ++present;
    }
  }
  std::vector<double> frequencies;
  for (std::size_t k = 1; k < levels; ++k) {
    frequencies.push_back(static_cast<double>(counts[k]) / static_cast<double>(present));
  }
  return frequencies;
}

}  // namespace

void learn_levels(FeatureMatrix& decoded, std::vector<FeatureColumn>& columns,
                  const std::vector<Dictionary>& dictionaries, const std::string& file) {
  for (std::size_t j = 0; j < columns.size(); ++j) {
    FeatureColumn& column = columns[j];
    if (column.kind != ColumnKind::categorical) {
      continue;
    }
    Dictionary::Sorted sorted = dictionaries[j].sorted();
    if (sorted.levels.size() < 2) {
      Location location{file};
      location.column_name = column.name;
      throw InputError(location,
                       fmt::format("a categorical column needs at least two levels, and this one "
                                   "has {}. Fixes: --ignore {}",
                                   sorted.levels.empty() ? "no value at all"
                                                         : "only " + quoted(sorted.levels[0]),
                                   shell_word(column.name)));
    }
    renumber(decoded, static_cast<std::int64_t>(j), sorted.position);
    column.levels = std::move(sorted.levels);
  }
}

void learn_fills(const FeatureMatrix& decoded, std::vector<FeatureColumn>& columns,
                 const std::string& file) {
  std::vector<double> sums(columns.size(), 0.0);
  std::vector<std::int64_t> present(columns.size(), 0);
  for (std::int64_t i = 0; i < decoded.rows(); ++i) {
    const float* const row = decoded.row(i);
    for (std::size_t j = 0; j < columns.size(); ++j) {
      const bool there = !std::isnan(row[j]);
      sums[j] += there ? static_cast<double>(row[j]) : 0.0;
      present[j] += there ? 1 : 0;
    }
  }
  for (std::size_t j = 0; j < columns.size(); ++j) {
    FeatureColumn& column = columns[j];
    if (present[j] == 0) {
      Location location{file};
      location.column_name = column.name;
      throw InputError(location, fmt::format("all values are missing, so there is no mean to take "
                                             "their place. Fixes: --ignore {}",
                                             shell_word(column.name)));
    }
    column.missing_fill =
        column.kind == ColumnKind::numeric
            ? std::vector<double>{sums[j] / static_cast<double>(present[j])}
            : level_frequencies(decoded, static_cast<std::int64_t>(j), column.levels.size());
  }
}

void encode_row(const std::vector<FeatureColumn>& columns, MissingPolicy policy,
                const float* decoded, float* features) {
  for (std::size_t j = 0; j < columns.size(); ++j) {
    const FeatureColumn& column = columns[j];
    const std::int64_t width = column.width();
    const float value = decoded[j];
    if (!std::isnan(value) && column.kind == ColumnKind::numeric) {
      *features++ = value;
      continue;
    }
    for (std::int64_t k = 0; k < width; ++k) {
      if (!std::isnan(value)) {
        features[k] = static_cast<std::int64_t>(value) == k + 1 ? 1.0F : 0.0F;
      } else {
        features[k] = policy == MissingPolicy::mean
                          ? static_cast<float>(column.missing_fill[static_cast<std::size_t>(k)])
                          : 0.0F;
      }
    }
    features += width;
  }
}

void encode(FeatureMatrix& matrix, const std::vector<FeatureColumn>& columns,
            MissingPolicy policy) {
  const bool has_missing = policy == MissingPolicy::mean || policy == MissingPolicy::zero;
  if (!has_missing && !any_categorical(columns)) {
    return;
  }
  std::int64_t width = 0;
  for (const FeatureColumn& column : columns) {
    width += column.width();
  }
  matrix.widen(width, [&](const float* decoded, float* features) {
    encode_row(columns, policy, decoded, features);
  });
}

}  // namespace steepest::data
