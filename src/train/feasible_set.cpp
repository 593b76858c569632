// SPDX-License-Identifier: Apache-2.0
#include "src/train/feasible_set.hpp"

#include <algorithm>

#include "steepest/error.hpp"
#include "steepest/projection.hpp"

namespace steepest::train {

FeasibleSet feasible_set(const Constraint& constraint, const Scaling& scaling,
                         const std::vector<std::int64_t>& dropped) {
  FeasibleSet set;
  if (constraint.kind == ConstraintKind::none) {
    return set;
  }
  const double target_scale = scaling.log_link ? 1.0 : scaling.target_scale;
  for (const double scale : scaling.feature_scale) {
    if (constraint.kind == ConstraintKind::simplex) {
      set.simplex.push_back(target_scale / scale);
    } else {
      const double unit = scale / target_scale;
      set.bounds.push_back({constraint.low * unit, constraint.high * unit});
    }
  }
  if (!set.simplex.empty() && !dropped.empty()) {
    throw OptionError(
        "--constraint simplex has no place for columns that never change: leave them out with "
        "--ignore");
  }
  for (const std::int64_t column : dropped) {
    set.bounds[static_cast<std::size_t>(column)] = {0.0, 0.0};
  }
  if (!set.bounds.empty()) {
    set.bounds.emplace_back();
  }
  return set;
}

void project(const FeasibleSet& set, std::int64_t outputs, std::vector<double>& parameters) {
  const std::size_t stride = parameters.size() / static_cast<std::size_t>(outputs);
  for (std::size_t first = 0; first < parameters.size(); first += stride) {
    for (std::size_t j = 0; j < set.bounds.size(); ++j) {
      double& parameter = parameters[first + j];
      parameter = std::clamp(parameter, set.bounds[j].low, set.bounds[j].high);
    }
    if (!set.simplex.empty()) {
      project_onto_weighted_simplex({parameters.data() + first, set.simplex.size()}, set.simplex);
    }
  }
}

void keep_to(const FeasibleSet& set, std::int64_t features, kernels::BankPlan& bank) {
  if (set.bounds.empty() && set.simplex.empty()) {
    return;
  }
  for (kernels::ModelPlan& model : bank.models) {
    model.is_bounded = !set.bounds.empty();
    model.on_simplex = !set.simplex.empty();
  }
  const std::int64_t columns = bank.outputs * std::ssize(bank.models);
  bank.initial.resize(static_cast<std::size_t>(columns * (features + 1)), 0.0);
  project(set, columns, bank.initial);
  bank.bounds = set.bounds;
  bank.simplex = set.simplex;
}

void clamp_reported(const Constraint& constraint, const FeasibleSet& set,
                    std::vector<double>& coefficients) {
  if (constraint.kind == ConstraintKind::none) {
    return;
  }
  for (std::size_t j = 0; j < coefficients.size(); ++j) {
    const bool dropped =
        !set.bounds.empty() && set.bounds[j].high == 0.0 && set.bounds[j].low == 0.0;
    coefficients[j] = dropped ? 0.0 : std::clamp(coefficients[j], constraint.low, constraint.high);
  }
}

}  // namespace steepest::train
