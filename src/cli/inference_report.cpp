// SPDX-License-Identifier: Apache-2.0
#include "src/cli/inference_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace steepest::cli {
namespace {

constexpr std::size_t most_lines = 60;

Json numbers(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) {
    list.push_back(json_number(value));
  }
  return list;
}

Json rows(const CoefficientValues& values, std::size_t outputs) {
  Json list = Json::array();
  const std::size_t width = values.coefficients.size() / outputs;
  for (std::size_t o = 0; o < outputs; ++o) {
    const auto begin = values.coefficients.begin() + static_cast<std::ptrdiff_t>(o * width);
    list.push_back(numbers({begin, begin + static_cast<std::ptrdiff_t>(width)}));
  }
  return list;
}

std::string number(double value, const char* format = "{:.6g}") {
  return std::isfinite(value) ? fmt::format(fmt::runtime(format), value) : "-";
}

std::string probability(double value) { return value == 0.0 ? "<1e-300" : number(value, "{:.3g}"); }

// Values of coefficient `index` of all, or of the intercept of an output.
void print_coefficient(const std::string& name, std::size_t width, const Inference& inference,
                       bool intercept, std::size_t index) {
  const auto of = [&](const CoefficientValues& values) {
    return intercept ? values.intercept[index] : values.coefficients[index];
  };
  fmt::print("{:<{}}  {:>13}  {:>13}  {:>9}  {:>9}  {:>13}  {:>13}\n", name, width,
             number(of(inference.estimates)), number(of(inference.standard_errors)),
             number(of(inference.statistics), "{:.4g}"), probability(of(inference.p_values)),
             number(of(inference.lower)), number(of(inference.upper)));
}

std::string heading(const Inference& inference, std::size_t output) {
  if (inference.kind == Inference::Kind::z) {
    return fmt::format("{} against {}", inference.outputs[output], inference.reference);
  }
  return inference.outputs.size() > 1 ? inference.outputs[output] : "feature";
}

}  // namespace

Json inference_json(const Inference& inference) {
  const std::size_t outputs = inference.outputs.size();
  const bool t = inference.kind == Inference::Kind::t;
  Json json{{"kind", t ? "t" : "z"},
            {"confidence", 0.95},
            {"degrees_of_freedom", t ? Json(inference.degrees_of_freedom) : Json(nullptr)},
            {"outputs", inference.outputs},
            {"reference", t ? Json(nullptr) : Json(inference.reference)}};
  const std::pair<const char*, const CoefficientValues*> lists[] = {
      {"coefficients", &inference.estimates},
      {"standard_errors", &inference.standard_errors},
      {"statistics", &inference.statistics},
      {"p_values", &inference.p_values},
      {"lower", &inference.lower},
      {"upper", &inference.upper}};
  Json intercept = Json::object();
  for (const auto& [name, values] : lists) {
    json[name] = rows(*values, outputs);
    intercept[name] = numbers(values->intercept);
  }
  json["intercept"] = inference.estimates.intercept.empty() ? Json(nullptr) : intercept;
  json["residual_variance"] = t ? numbers(inference.residual_variance) : Json(nullptr);
  json["condition_number"] = json_number(inference.condition_number);
  json["collinear"] = inference.collinear;
  json["separated"] = inference.separated;
  json["distance"] = json_number(inference.distance);
  return json;
}

void print_inference(const Inference& inference, const Model& model) {
  const std::vector<std::string> names = model.schema.feature_names();
  const std::size_t shown = std::min(names.size(), most_lines);
  std::size_t width = std::string_view("(intercept)").size();
  for (std::size_t j = 0; j < shown; ++j) {
    width = std::max(width, names[j].size());
  }
  for (std::size_t o = 0; o < inference.outputs.size(); ++o) {
    width = std::max(width, heading(inference, o).size());
  }
  const bool t = inference.kind == Inference::Kind::t;
  for (std::size_t o = 0; o < inference.outputs.size(); ++o) {
    fmt::print("\n{:<{}}  {:>13}  {:>13}  {:>9}  {:>9}  {:>13}  {:>13}\n", heading(inference, o),
               width, "coefficient", "std error", t ? "t" : "z", t ? "P>|t|" : "P>|z|", "95 % from",
               "to");
    for (std::size_t j = 0; j < shown; ++j) {
      print_coefficient(names[j], width, inference, false, o * names.size() + j);
    }
    if (names.size() > shown) {
      fmt::print("{:<{}}  ({} more in --json)\n", "...", width, names.size() - shown);
    }
    if (!inference.estimates.intercept.empty()) {
      print_coefficient("(intercept)", width, inference, true, o);
    }
  }
  if (t) {
    fmt::print("\n{:.10g} degrees of freedom; condition number {}\n", inference.degrees_of_freedom,
               number(inference.condition_number, "{:.4g}"));
  } else {
    fmt::print("\ncondition number {}\n", number(inference.condition_number, "{:.4g}"));
  }
}

}  // namespace steepest::cli
