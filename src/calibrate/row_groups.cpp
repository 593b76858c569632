// SPDX-License-Identifier: Apache-2.0
// Where the groups of rows come from: a file beside the logits, or a column of a table.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "src/calibrate/label_file.hpp"
#include "src/data/excerpt.hpp"
#include "steepest/calibrate_groups.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

RowGroups groups_of_names(const std::vector<std::string>& names_of_rows) {
  std::map<std::string, std::int32_t> indexes;
  for (const std::string& name : names_of_rows) {
    indexes.emplace(name, 0);
  }
  RowGroups groups;
  for (auto& [name, index] : indexes) {
    index = static_cast<std::int32_t>(groups.names.size());
    groups.names.push_back(name);
  }
  groups.of_row.reserve(names_of_rows.size());
  for (const std::string& name : names_of_rows) {
    groups.of_row.push_back(indexes[name]);
  }
  return groups;
}

RowGroups groups_of_numbers(const std::string& path, std::int64_t rows) {
  const calibrate::LabelFile file(path, rows);
  std::vector<std::int32_t> memory;
  const std::int32_t* const numbers = file.read(0, rows, memory);
  std::map<std::int32_t, std::int32_t> indexes;  // numbers in their own order
  for (std::int64_t r = 0; r < rows; ++r) {
    if (numbers[r] == no_label) {
      throw InputError(Location{path}, fmt::format("element {} (from 0) is no whole number", r));
    }
    indexes.emplace(numbers[r], 0);
  }
  RowGroups groups;
  for (auto& [number, index] : indexes) {
    index = static_cast<std::int32_t>(groups.names.size());
    groups.names.push_back(std::to_string(number));
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    groups.of_row.push_back(indexes[numbers[r]]);
  }
  return groups;
}

}  // namespace

RowGroups read_groups(const std::string& path, std::int64_t rows) {
  if (path.ends_with(".npy")) {
    return groups_of_numbers(path, rows);
  }
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) {
    throw InputError(Location{path}, "no such file, or it cannot be read");
  }
  std::vector<std::string> names;
  for (std::string line; std::getline(file, line);) {
    if (line.ends_with('\r')) {
      line.pop_back();
    }
    names.push_back(line);
  }
  if (static_cast<std::int64_t>(names.size()) == rows + 1) {  // the first is a header
    names.erase(names.begin());
  }
  if (static_cast<std::int64_t>(names.size()) != rows) {
    throw InputError(Location{path},
                     fmt::format("has {} groups for {} rows of logits", names.size(), rows));
  }
  return groups_of_names(names);
}

RowGroups groups_of_table(const RowSource& table, const std::string& column) {
  std::int64_t offset = 0;
  for (const FeatureColumn& feature : table.schema().columns) {
    if (feature.name != column) {
      offset += feature.width();
      continue;
    }
    if (feature.kind != ColumnKind::categorical) {
      break;
    }
    RowGroups groups;
    groups.names = feature.levels;
    constexpr std::int64_t block_rows = 4096;
    RowBuffer buffer;
    for (std::int64_t first = 0; first < table.rows(); first += block_rows) {
      const std::int64_t count = std::min(block_rows, table.rows() - first);
      const float* row = table.features(first, count, buffer);
      for (std::int64_t r = 0; r < count; ++r, row += table.feature_count()) {
        const float* const begin = row + offset;
        const float* const found = std::find(begin, begin + feature.width(), 1.0F);
        // Without a 1 it is the baseline, the first level.
        const std::int64_t level = found == begin + feature.width() ? 0 : found - begin + 1;
        groups.of_row.push_back(static_cast<std::int32_t>(level));
      }
    }
    return groups;
  }
  throw OptionError(
      fmt::format("--group {}: the data have no such categorical column", data::quoted(column)));
}

}  // namespace steepest
