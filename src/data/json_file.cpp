// SPDX-License-Identifier: Apache-2.0
#include "src/data/json_file.hpp"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <utility>

#include "steepest/error.hpp"

namespace steepest::data {

std::string read_text(const std::string& path, const std::string& what) {
  constexpr std::size_t most_bytes = std::size_t{1} << 32U;
  constexpr std::size_t block_bytes = std::size_t{1} << 16U;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw InputError(Location{path}, fmt::format("no such {} file, or it cannot be read", what));
  }
  std::string text;
  std::vector<char> block(block_bytes);
  while (file.read(block.data(), block_bytes), file.gcount() > 0) {
    text.append(block.data(), static_cast<std::size_t>(file.gcount()));
    if (text.size() > most_bytes) {
      throw InputError(Location{path},
                       fmt::format("is not a {} file: it holds more than 4 GiB", what));
    }
  }
  if (file.bad() || text.empty()) {
    throw InputError(Location{path},
                     fmt::format("is not a {} file: it is empty or a directory", what));
  }
  return text;
}

bool is_nested_deeply(std::string_view json) {
  constexpr int most = 64;
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < json.size() && depth <= most; ++i) {
    const char c = json[i];
    if (in_text) {
      i += c == '\\' ? 1 : 0;
      in_text = c != '"';
    } else if (c == '"') {
      in_text = true;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return depth > most;
}

JsonFile::JsonFile(std::string path, std::string what, const std::string& format, int version,
                   int oldest)
    : path_(std::move(path)), what_(std::move(what)) {
  const std::string text = read_text(path_, what_);
  if (is_nested_deeply(text)) {
    fail(fmt::format("is not a {} file: its brackets are nested too deeply", what_));
  }
  try {
    json_ = Json::parse(text);
  } catch (const Json::parse_error& error) {
    fail(fmt::format("is not a whole {} file: JSON ends or breaks at byte {} of {}; write it anew",
                     what_, error.byte, text.size()));
  } catch (const Json::exception&) {
    fail("holds a number that is too large");
  }
  if (!json_.is_object() || json_.value("format", Json()) != Json(format)) {
    fail(fmt::format("is JSON but not a {}: expected \"format\": \"{}\"", what_, format));
  }
  const int found = value<int>(json_, "format_version");
  if (found < oldest || found > version) {
    fail(fmt::format(
        "has format version {}, this program reads version {}: it was written by Steepest {}",
        found, version, value<std::string>(json_, "steepest_version")));
  }
}

void JsonFile::fail(const std::string& sentence) const {
  throw InputError(Location{path_, 0, 0, 0, ""}, sentence);
}

void JsonFile::fail_missing(const char* key) const {
  fail(fmt::format("is not a whole {}: \"{}\" is missing", what_, key));
}

void JsonFile::fail_type(const char* key) const {
  fail(fmt::format("\"{}\" has the wrong type", key));
}

std::vector<double> JsonFile::finite(const Json& json, const char* key) const {
  std::vector<double> numbers = value<std::vector<double>>(json, key);
  for (const double number : numbers) {
    if (!std::isfinite(number)) {
      fail(fmt::format("\"{}\" holds a number that is not finite", key));
    }
  }
  return numbers;
}

void JsonFile::require_size(const char* key, std::size_t found, std::int64_t expected) const {
  if (static_cast<std::int64_t>(found) != expected) {
    fail(fmt::format("\"{}\" has {} elements where {} were expected", key, found, expected));
  }
}

std::vector<FeatureColumn> JsonFile::columns() const {
  std::vector<FeatureColumn> result;
  for (const Json& entry : value<Json>(json_, "columns")) {
    FeatureColumn column;
    column.name = value<std::string>(entry, "name");
    const auto type = value<std::string>(entry, "type");
    if (type != "numeric" && type != "categorical") {
      fail(fmt::format("column \"{}\" has type \"{}\": expected numeric or categorical",
                       column.name, type));
    }
    if (type == "categorical") {
      column.kind = ColumnKind::categorical;
      column.levels = value<std::vector<std::string>>(entry, "levels");
      if (column.levels.size() < 2) {
        fail(fmt::format("column \"{}\" has fewer than two levels", column.name));
      }
    }
    if (entry.contains("missing_fill")) {
      column.missing_fill = finite(entry, "missing_fill");
      require_size("missing_fill", column.missing_fill.size(), column.width());
    }
    result.push_back(std::move(column));
  }
  return result;
}

Schema JsonFile::schema() const {
  Schema schema;
  schema.columns = columns();
  schema.target_names = value<std::vector<std::string>>(json_, "targets");
  schema.classes = value<std::vector<std::string>>(json_, "classes");
  schema.weight_name = value<std::string>(json_, "weight");
  if (value<std::vector<std::string>>(json_, "features") != schema.feature_names()) {
    fail("\"features\" does not agree with \"columns\"");
  }
  return schema;
}

void add_schema(const Schema& schema, Json& json) {
  Json columns = Json::array();
  for (const FeatureColumn& column : schema.columns) {
    Json entry{{"name", column.name}};
    entry["type"] = column.kind == ColumnKind::numeric ? "numeric" : "categorical";
    if (column.kind == ColumnKind::categorical) {
      entry["levels"] = column.levels;
    }
    if (!column.missing_fill.empty()) {
      entry["missing_fill"] = column.missing_fill;
    }
    columns.push_back(std::move(entry));
  }
  json["columns"] = std::move(columns);
  json["targets"] = schema.target_names;
  json["classes"] = schema.classes;
  json["weight"] = schema.weight_name;
  json["features"] = schema.feature_names();
}

}  // namespace steepest::data
