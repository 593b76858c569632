// SPDX-License-Identifier: Apache-2.0
// A sweep laid out: each case with the fit it is, and the banks they form.
#pragma once

#include <string>
#include <vector>

#include "src/train/feasible_set.hpp"
#include "src/train/fit_plan.hpp"
#include "steepest/sweep.hpp"

namespace steepest::train {

/// A plan with all that running it needs. `fits` is parallel to plan.cases.
struct SweepLayout {
  SweepPlan plan;
  std::vector<FitPlan> fits;
  FitPlan optimum;  ///< of the same problem, with everything automatic
  FeasibleSet set;  ///< that coefficients keep to, once the data are held
  std::vector<std::vector<std::size_t>> banks;  ///< indexes into plan.cases
};

/// As plan_sweep(), with the weights of the data already summed.
[[nodiscard]] SweepLayout lay_out_sweep(const RowSource& data, const RowWeights& weights,
                                        const SweepOptions& options);

/// A sentence for every target of schedule polyak that is not the optimum, as its step lengths take
/// it to be: below it they are too long, at or above it they end at the target.
void warn_of_targets(const std::vector<SweepCase>& cases, const SweepOptimum& optimum,
                     std::vector<std::string>& warnings);

}  // namespace steepest::train
