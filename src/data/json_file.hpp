// SPDX-License-Identifier: Apache-2.0
// Reading the program's own JSON files: every complaint names the file and the key.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "steepest/dataset.hpp"

namespace steepest::data {

using Json = nlohmann::ordered_json;

/// A file that holds one JSON object with "format" and "format_version".
class JsonFile {
 public:
  /// `what` stands in messages: "a model". Throws InputError when the file cannot be read, is not
  /// JSON, or is of another format or of a version outside [oldest, version].
  JsonFile(std::string path, std::string what, const std::string& format, int version, int oldest);
  JsonFile(std::string path, std::string what, const std::string& format, int version)
      : JsonFile(std::move(path), std::move(what), format, version, version) {}

  [[nodiscard]] const Json& json() const { return json_; }

  [[noreturn]] void fail(const std::string& sentence) const;

  /// Throws InputError for a key that is missing or has another type.
  template <class T>
  [[nodiscard]] T value(const Json& json, const char* key) const {
    const auto found = json.find(key);
    if (found == json.end()) {
      fail_missing(key);
    }
    try {
      return found->template get<T>();
    } catch (const Json::exception&) {
      fail_type(key);
    }
  }

  /// Numbers, all finite.
  [[nodiscard]] std::vector<double> finite(const Json& json, const char* key) const;

  /// Throws InputError unless a key has as many elements as expected.
  void require_size(const char* key, std::size_t found, std::int64_t expected) const;

  /// The schema that add_schema() wrote.
  [[nodiscard]] Schema schema() const;

 private:
  [[noreturn]] void fail_missing(const char* key) const;
  [[noreturn]] void fail_type(const char* key) const;
  [[nodiscard]] std::vector<FeatureColumn> columns() const;

  std::string path_;
  std::string what_;
  Json json_;
};

/// Adds the keys columns, targets, classes, weight and features.
void add_schema(const Schema& schema, Json& json);

}  // namespace steepest::data
