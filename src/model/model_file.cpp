// SPDX-License-Identifier: Apache-2.0
// The model file: versioned JSON, complete, validated on load. docs/formats.md describes it.
#include <fmt/format.h>

#include <cmath>

#include "src/data/json_file.hpp"
#include "steepest/error.hpp"
#include "steepest/model.hpp"
#include "steepest/objective.hpp"
#include "steepest/output_file.hpp"
#include "steepest/version.hpp"

namespace steepest {
namespace {

using data::Json;
using data::JsonFile;

constexpr const char* format_name = "steepest-model";
constexpr int format_version = 1;

// Of a calibrated model: a program that would not calibrate must not read it.
constexpr int calibrated_version = 2;

Json rows_of(const std::vector<double>& values, std::int64_t columns) {
  Json rows = Json::array();
  for (auto row = values.begin(); row != values.end(); row += columns) {
    rows.push_back(std::vector<double>(row, row + columns));
  }
  return rows;
}

Json to_json(const Model& model) {
  Json json{{"format", format_name},
            {"format_version", model.calibration ? calibrated_version : format_version}};
  json["steepest_version"] = version;
  json["kind"] = name(model.kind);
  json["loss"] = model.loss;
  json["l2"] = model.l2;
  if (model.label_smoothing > 0.0) {
    json["label_smoothing"] = model.label_smoothing;
  }
  json["l1"] = model.l1;
  json["constraint"] = model.constraint;
  data::add_schema(model.schema, json);
  json["coefficients"] = rows_of(model.coefficients, model.features());
  json["intercept"] = model.intercept;
  json["standardized"] = model.standardized;
  json["feature_mean"] = model.feature_mean;
  json["feature_scale"] = model.feature_scale;
  json["training_rows"] = model.training_rows;
  json["termination"] = {{"reason", model.termination},
                         {"converged", model.converged},
                         {"inequality", model.inequality}};
  if (model.calibration) {
    json["calibration"] = {{"method", name(model.calibration->method)},
                           {"factors", model.calibration->factors},
                           {"intercept", model.calibration->intercept}};
  }
  return json;
}

// The loss, which says how scores become predictions.
std::string loss_of(const JsonFile& file, ModelKind kind) {
  auto text = file.value<std::string>(file.json(), "loss");
  try {
    if (classifies(row_loss_named(text)) == (kind == ModelKind::softmax)) {
      return text;
    }
  } catch (const OptionError& error) {
    file.fail(error.what());
  }
  file.fail(fmt::format("is a {} model of loss {}, which does not go together", name(kind), text));
}

std::optional<ScoreScaling> calibration_of(const JsonFile& file, const Model& model) {
  if (!file.json().contains("calibration")) {
    return std::nullopt;
  }
  const Json json = file.value<Json>(file.json(), "calibration");
  if (model.kind != ModelKind::softmax) {
    file.fail("has a \"calibration\", which is for softmax models");
  }
  ScoreScaling scaling;
  const auto method = file.value<std::string>(json, "method");
  if (method != "temperature" && method != "vector" && method != "matrix") {
    file.fail(fmt::format(
        "calibration \"method\" is \"{}\": expected temperature, vector or matrix", method));
  }
  scaling.method = parse_scaling_method(method);
  scaling.factors = file.finite(json, "factors");
  scaling.intercept = file.finite(json, "intercept");
  const std::int64_t classes = model.outputs();
  const bool is_temperature = scaling.method == ScalingMethod::temperature;
  file.require_size("factors", scaling.factors.size(),
                    is_temperature                            ? 1
                    : scaling.method == ScalingMethod::vector ? classes
                                                              : classes * classes);
  file.require_size("intercept", scaling.intercept.size(), is_temperature ? 0 : classes);
  return scaling;
}

void check_sizes(const JsonFile& file, const Model& model) {
  const auto outputs = static_cast<std::int64_t>(model.output_names().size());
  if (outputs == 0 || model.features() == 0) {
    file.fail("is a model without outputs or without features");
  }
  file.require_size("intercept", model.intercept.size(), outputs);
  file.require_size("coefficients", model.coefficients.size(), outputs * model.features());
  file.require_size("feature_mean", model.feature_mean.size(), model.features());
  file.require_size("feature_scale", model.feature_scale.size(), model.features());
  for (const double coefficient : model.coefficients) {
    if (!std::isfinite(coefficient)) {
      file.fail("\"coefficients\" holds a number that is not finite");
    }
  }
}

}  // namespace

void save_model(const Model& model, const std::string& path) {
  OutputFile file(path);
  file.write(to_json(model).dump(1, ' ', false, Json::error_handler_t::replace));
  file.write("\n");
  file.commit();
}

Model load_model(const std::string& path) {
  const JsonFile file(path, "model", format_name, calibrated_version, format_version);
  const Json& json = file.json();
  Model model;
  const auto kind = file.value<std::string>(json, "kind");
  if (kind != "linear" && kind != "softmax") {
    file.fail(fmt::format("\"kind\" is \"{}\": expected linear or softmax", kind));
  }
  model.kind = kind == "linear" ? ModelKind::linear : ModelKind::softmax;
  model.loss = loss_of(file, model.kind);
  model.l2 = file.value<double>(json, "l2");
  if (json.contains("label_smoothing")) {
    model.label_smoothing = file.value<double>(json, "label_smoothing");
  }
  // Files of earlier versions have neither of these.
  if (json.contains("l1")) {
    model.l1 = file.value<double>(json, "l1");
  }
  if (json.contains("constraint")) {
    model.constraint = file.value<std::string>(json, "constraint");
  }
  model.schema = file.schema();
  model.intercept = file.finite(json, "intercept");
  for (const auto& row : file.value<std::vector<std::vector<double>>>(json, "coefficients")) {
    file.require_size("coefficients", row.size(), model.features());
    model.coefficients.insert(model.coefficients.end(), row.begin(), row.end());
  }
  model.standardized = file.value<bool>(json, "standardized");
  model.feature_mean = file.finite(json, "feature_mean");
  model.feature_scale = file.finite(json, "feature_scale");
  model.training_rows = file.value<std::int64_t>(json, "training_rows");
  const Json termination = file.value<Json>(json, "termination");
  model.termination = file.value<std::string>(termination, "reason");
  model.converged = file.value<bool>(termination, "converged");
  model.inequality = file.value<std::string>(termination, "inequality");
  check_sizes(file, model);
  model.calibration = calibration_of(file, model);
  return model;
}

}  // namespace steepest
