// SPDX-License-Identifier: Apache-2.0
// Sums run over rows in order, in double: the fills do not depend on anything but the data.
#include "src/data/feature_encoding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "src/data/excerpt.hpp"
#include "steepest/error.hpp"

namespace steepest::data {

LevelPositions learn_levels(std::vector<FeatureColumn>& columns,
                            const std::vector<Dictionary>& dictionaries, const std::string& file) {
  LevelPositions positions(columns.size());
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
    positions[j] = std::move(sorted.position);
    column.levels = std::move(sorted.levels);
  }
  return positions;
}

void renumber(const LevelPositions& positions, std::int64_t rows, float* decoded) {
  const std::size_t columns = positions.size();
  for (std::size_t j = 0; j < columns; ++j) {
    if (positions[j].empty()) {
      continue;
    }
    for (std::int64_t i = 0; i < rows; ++i) {
      float& code = decoded[static_cast<std::size_t>(i) * columns + j];
      if (std::isnan(code)) {
        continue;
      }
      if (!(code >= 0.0F && code < static_cast<float>(positions[j].size()))) {
        throw InputError("rows kept in a file have changed: a level is not one that was read");
      }
      code = static_cast<float>(positions[j][static_cast<std::size_t>(code)]);
    }
  }
}

Fills::Fills(const std::vector<FeatureColumn>& columns)
    : sums_(columns.size(), 0.0), present_(columns.size(), 0), counts_(columns.size()) {
  for (std::size_t j = 0; j < columns.size(); ++j) {
    counts_[j].resize(columns[j].levels.size());
  }
}

void Fills::add(const float* decoded, std::int64_t rows) {
  const std::size_t columns = sums_.size();
  for (std::int64_t i = 0; i < rows; ++i, decoded += columns) {
    for (std::size_t j = 0; j < columns; ++j) {
      const float value = decoded[j];
      if (std::isnan(value)) {
        continue;
      }
      ++present_[j];
      if (counts_[j].empty()) {
        sums_[j] += static_cast<double>(value);
      } else {
        ++counts_[j][static_cast<std::size_t>(value)];
      }
    }
  }
}

void Fills::learn(std::vector<FeatureColumn>& columns, const std::string& file) const {
  for (std::size_t j = 0; j < columns.size(); ++j) {
    FeatureColumn& column = columns[j];
    const auto present = static_cast<double>(present_[j]);
    if (present_[j] == 0) {
      Location location{file};
      location.column_name = column.name;
      throw InputError(location, fmt::format("all values are missing, so there is no mean to take "
                                             "their place. Fixes: --ignore {}",
                                             shell_word(column.name)));
    }
    column.missing_fill.clear();
    if (column.kind == ColumnKind::numeric) {
      column.missing_fill.push_back(sums_[j] / present);
    }
    for (std::size_t k = 1; k < counts_[j].size(); ++k) {
      column.missing_fill.push_back(static_cast<double>(counts_[j][k]) / present);
    }
  }
}

bool encodes(const std::vector<FeatureColumn>& columns, MissingPolicy policy) {
  return policy == MissingPolicy::mean || policy == MissingPolicy::zero ||
         std::any_of(columns.begin(), columns.end(), [](const FeatureColumn& column) {
           return column.kind == ColumnKind::categorical;
         });
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
  if (!encodes(columns, policy)) {
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
