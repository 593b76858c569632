// SPDX-License-Identifier: Apache-2.0
#include "src/train/warm_start.hpp"

#include <fmt/format.h>

#include <map>
#include <string>

#include "steepest/error.hpp"

namespace steepest::train {
namespace {

void check_names(const char* what, const std::vector<std::string>& of_model,
                 const std::vector<std::string>& of_data) {
  if (of_model != of_data) {
    throw InputError(fmt::format("--init needs a model of the same {}: it has {}, the data have {}",
                                 what, fmt::join(of_model, ", "), fmt::join(of_data, ", ")));
  }
}

// Where each feature of the data is in the model.
std::vector<std::size_t> places(const Schema& model, const Schema& data) {
  const std::vector<std::string> known = model.feature_names();
  std::map<std::string, std::size_t> place;
  for (std::size_t j = 0; j < known.size(); ++j) {
    place.emplace(known[j], j);
  }
  std::vector<std::size_t> found;
  for (const std::string& name : data.feature_names()) {
    const auto at = place.find(name);
    if (at == place.end()) {
      throw InputError(
          fmt::format("--init needs a model of the same features: it has no \"{}\"", name));
    }
    found.push_back(at->second);
    place.erase(at);
  }
  if (!place.empty()) {
    throw InputError(
        fmt::format("--init needs a model of the same features: its \"{}\" is not in the data",
                    place.begin()->first));
  }
  return found;
}

}  // namespace

void check_warm_start(const Model& model, const Schema& data) {
  check_names("targets", model.schema.target_names, data.target_names);
  check_names("classes", model.schema.classes, data.classes);
  static_cast<void>(places(model.schema, data));
}

std::vector<double> warm_start(const Model& model, const Schema& data, const RowLoss& loss,
                               bool intercept, const Scaling& scaling) {
  const std::vector<std::size_t> place = places(model.schema, data);
  const std::size_t features = place.size();
  const auto outputs = static_cast<std::size_t>(model.outputs());
  // One column of logistic loss stands for the second class less the first.
  const bool logistic = std::holds_alternative<LogisticLoss>(loss);
  const std::size_t columns = logistic ? 1 : outputs;
  std::vector<double> parameters;
  parameters.reserve(columns * (features + 1));
  const auto coefficient = [&](std::size_t output, std::size_t j) {
    return model.coefficients[output * features + place[j]];
  };
  for (std::size_t c = 0; c < columns; ++c) {
    for (std::size_t j = 0; j < features; ++j) {
      parameters.push_back(logistic ? coefficient(1, j) - coefficient(0, j) : coefficient(c, j));
    }
    parameters.push_back(logistic ? model.intercept[1] - model.intercept[0] : model.intercept[c]);
  }
  unfold(scaling, static_cast<std::int64_t>(columns), parameters);
  for (std::size_t c = 0; !intercept && c < columns; ++c) {
    parameters[c * (features + 1) + features] = 0.0;
  }
  return parameters;
}

}  // namespace steepest::train
