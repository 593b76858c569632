// SPDX-License-Identifier: Apache-2.0
// The model file: versioned JSON, complete, validated on load. docs/formats.md describes it.
#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "steepest/error.hpp"
#include "steepest/model.hpp"
#include "steepest/output_file.hpp"
#include "steepest/version.hpp"

namespace steepest {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* format_name = "steepest-model";
constexpr int format_version = 1;

Json rows_of(const std::vector<double>& values, std::int64_t columns) {
  Json rows = Json::array();
  for (auto row = values.begin(); row != values.end(); row += columns) {
    rows.push_back(std::vector<double>(row, row + columns));
  }
  return rows;
}

Json to_json(const FeatureColumn& column) {
  Json json{{"name", column.name}};
  json["type"] = column.kind == ColumnKind::numeric ? "numeric" : "categorical";
  if (column.kind == ColumnKind::categorical) {
    json["levels"] = column.levels;
  }
  if (!column.missing_fill.empty()) {
    json["missing_fill"] = column.missing_fill;
  }
  return json;
}

Json to_json(const Model& model) {
  Json columns = Json::array();
  for (const FeatureColumn& column : model.schema.columns) {
    columns.push_back(to_json(column));
  }
  Json json{{"format", format_name}, {"format_version", format_version}};
  json["steepest_version"] = version;
  json["kind"] = name(model.kind);
  json["loss"] = model.loss;
  json["l2"] = model.l2;
  json["columns"] = std::move(columns);
  json["targets"] = model.schema.target_names;
  json["classes"] = model.schema.classes;
  json["weight"] = model.schema.weight_name;
  json["features"] = model.schema.feature_names();
  json["coefficients"] = rows_of(model.coefficients, model.features());
  json["intercept"] = model.intercept;
  json["standardized"] = model.standardized;
  json["feature_mean"] = model.feature_mean;
  json["feature_scale"] = model.feature_scale;
  json["training_rows"] = model.training_rows;
  json["termination"] = {{"reason", model.termination},
                         {"converged", model.converged},
                         {"inequality", model.inequality}};
  return json;
}

// Reads one JSON file into a model; every complaint names the file and the key.
class ModelReader {
 public:
  explicit ModelReader(std::string path) : path_(std::move(path)) {}

  Model read() {
    const Json json = parse();
    check_format(json);
    Model model;
    const auto kind = value<std::string>(json, "kind");
    if (kind != "linear" && kind != "softmax") {
      fail(fmt::format("\"kind\" is \"{}\": expected linear or softmax", kind));
    }
    model.kind = kind == "linear" ? ModelKind::linear : ModelKind::softmax;
    model.loss = value<std::string>(json, "loss");
    model.l2 = value<double>(json, "l2");
    model.schema.columns = columns(json);
    model.schema.target_names = value<std::vector<std::string>>(json, "targets");
    model.schema.classes = value<std::vector<std::string>>(json, "classes");
    model.schema.weight_name = value<std::string>(json, "weight");
    model.intercept = finite(json, "intercept");
    for (const auto& row : value<std::vector<std::vector<double>>>(json, "coefficients")) {
      require_size("coefficients", row.size(), model.features());
      model.coefficients.insert(model.coefficients.end(), row.begin(), row.end());
    }
    model.standardized = value<bool>(json, "standardized");
    model.feature_mean = finite(json, "feature_mean");
    model.feature_scale = finite(json, "feature_scale");
    model.training_rows = value<std::int64_t>(json, "training_rows");
    const Json termination = value<Json>(json, "termination");
    model.termination = value<std::string>(termination, "reason");
    model.converged = value<bool>(termination, "converged");
    model.inequality = value<std::string>(termination, "inequality");
    check_sizes(model, json);
    return model;
  }

 private:
  [[noreturn]] void fail(const std::string& sentence) const {
    throw InputError(Location{path_, 0, 0, 0, ""}, sentence);
  }

  [[nodiscard]] Json parse() const {
    std::ifstream file(path_, std::ios::binary);
    if (!file) {
      fail("no such model file, or it cannot be read");
    }
    std::stringstream text;
    text << file.rdbuf();
    if (!file || text.str().empty()) {
      fail("is not a model file: it is empty or a directory");
    }
    try {
      return Json::parse(text.str());
    } catch (const Json::parse_error& error) {
      fail(
          fmt::format("is not a whole model file: JSON ends or breaks at byte {} of {}; save the "
                      "model anew",
                      error.byte, text.str().size()));
    }
  }

  void check_format(const Json& json) const {
    if (!json.is_object() || json.value("format", Json()) != Json(format_name)) {
      fail(fmt::format("is JSON but not a model: expected \"format\": \"{}\"", format_name));
    }
    const int found = value<int>(json, "format_version");
    if (found != format_version) {
      fail(
          fmt::format("has format version {}, this program reads version {}: it was written by "
                      "Steepest {}",
                      found, format_version, value<std::string>(json, "steepest_version")));
    }
  }

  template <class T>
  T value(const Json& json, const char* key) const {
    const auto found = json.find(key);
    if (found == json.end()) {
      fail(fmt::format("is not a whole model: \"{}\" is missing", key));
    }
    try {
      return found->get<T>();
    } catch (const Json::exception&) {
      fail(fmt::format("\"{}\" has the wrong type", key));
    }
  }

  std::vector<double> finite(const Json& json, const char* key) const {
    std::vector<double> numbers = value<std::vector<double>>(json, key);
    for (const double number : numbers) {
      if (!std::isfinite(number)) {
        fail(fmt::format("\"{}\" holds a number that is not finite", key));
      }
    }
    return numbers;
  }

  [[nodiscard]] std::vector<FeatureColumn> columns(const Json& json) const {
    std::vector<FeatureColumn> result;
    for (const Json& entry : value<Json>(json, "columns")) {
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

  void require_size(const char* key, std::size_t found, std::int64_t expected) const {
    if (static_cast<std::int64_t>(found) != expected) {
      fail(fmt::format("\"{}\" has {} elements where {} were expected", key, found, expected));
    }
  }

  void check_sizes(const Model& model, const Json& json) const {
    const std::int64_t outputs = static_cast<std::int64_t>(model.output_names().size());
    if (outputs == 0 || model.features() == 0) {
      fail("is a model without outputs or without features");
    }
    require_size("intercept", model.intercept.size(), outputs);
    require_size("coefficients", model.coefficients.size(), outputs * model.features());
    require_size("feature_mean", model.feature_mean.size(), model.features());
    require_size("feature_scale", model.feature_scale.size(), model.features());
    for (const double coefficient : model.coefficients) {
      if (!std::isfinite(coefficient)) {
        fail("\"coefficients\" holds a number that is not finite");
      }
    }
    if (value<std::vector<std::string>>(json, "features") != model.schema.feature_names()) {
      fail("\"features\" does not agree with \"columns\"");
    }
  }

  std::string path_;
};

}  // namespace

void save_model(const Model& model, const std::string& path) {
  OutputFile file(path);
  file.write(to_json(model).dump(1, ' ', false, Json::error_handler_t::replace));
  file.write("\n");
  file.commit();
}

Model load_model(const std::string& path) { return ModelReader(path).read(); }

}  // namespace steepest
