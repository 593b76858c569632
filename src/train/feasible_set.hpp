// SPDX-License-Identifier: Apache-2.0
// A constraint on reported coefficients, in the scale that training sees.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/backend.hpp"
#include "src/train/scaling.hpp"
#include "steepest/constraint.hpp"
#include "steepest/proximal.hpp"

namespace steepest::train {

/// The set that an output's trained parameters keep to. A reported coefficient is t / s_j times the
/// trained one, t the scale of the targets and s_j that of feature j. Columns that are dropped
/// because they never change keep to 0.
struct FeasibleSet {
  std::vector<Bound> bounds;    ///< d + 1, the intercept's infinite; empty: none
  std::vector<double> simplex;  ///< d: t / s_j; empty: none
};

/// Throws OptionError where a column is dropped from a simplex.
[[nodiscard]] FeasibleSet feasible_set(const Constraint& constraint, const Scaling& scaling,
                                       const std::vector<std::int64_t>& dropped);

/// Moves the outputs' coefficients, (outputs, d + 1) row-major, to the nearest points of the set.
void project(const FeasibleSet& set, std::int64_t outputs, std::vector<double>& parameters);

/// Makes all models of a bank on d features keep to the set, and start within it.
void keep_to(const FeasibleSet& set, std::int64_t features, kernels::BankPlan& bank);

/// Takes back what rounding did to the bounds of an output's d reported coefficients.
void clamp_reported(const Constraint& constraint, const FeasibleSet& set,
                    std::vector<double>& coefficients);

}  // namespace steepest::train
