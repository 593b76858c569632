// SPDX-License-Identifier: Apache-2.0
// Reading the program's own JSON files: every complaint names the file and the key.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "steepest/dataset.hpp"

namespace steepest::data {

using Json = nlohmann::ordered_json;

/// All of a small file. Throws InputError when it cannot be read, is a directory or empty, or holds
/// more than 4 GiB; `what` stands in messages.
[[nodiscard]] std::string read_text(const std::string& path, const std::string& what);

/// Whether brackets stand deeper than 64 in each other, outside of texts: no file of ours is like
/// that, and what copies or compares JSON would go as deep into the stack.
[[nodiscard]] bool is_nested_deeply(std::string_view json);

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
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      if (!holds<T>(*found)) {  // get() would round it, or wrap it around
        fail_type(key);
      }
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
  template <class T>
  [[nodiscard]] static bool holds(const Json& json) {
    using Limits = std::numeric_limits<T>;
    if (json.is_number_unsigned()) {
      return json.get<std::uint64_t>() <= static_cast<std::uint64_t>(Limits::max());
    }
    return json.is_number_integer() && json.get<std::int64_t>() >= Limits::min();
  }

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
