// SPDX-License-Identifier: Apache-2.0
// The smallest objective there is: what regrets are measured from.
#pragma once

#include <functional>

#include "src/train/feasible_set.hpp"
#include "src/train/fit_plan.hpp"
#include "src/train/held_data.hpp"
#include "src/train/validation.hpp"
#include "steepest/sweep.hpp"

namespace steepest::train {

/// What an objective has beside its loss and its l2 penalty, in trained units.
struct ProximalPart {
  double l1 = 0.0;
  const FeasibleSet* set = nullptr;
};

/// Fits the problem on the backend to the last digits: accelerated gradient descent on all rows, in
/// the metric of the Hessian's bound where that pays (see preconditioner.hpp; never with an l1
/// penalty or a constraint, whose steps end in a proximal map), until the largest
/// derivative is 1e-12 (fp64) or 1e-6 (fp32) of a trained unit, or the objective no longer falls.
/// Squared loss whose second moments have a condition number above 1e6 is solved by QR of all rows
/// in double instead, which loses no more digits than the rows do: see least_squares.hpp.
/// `plan` is that of the fit with everything automatic, `curvature` L in the trained scale;
/// `validation` may be null. `proceed` returning false ends it early.
[[nodiscard]] SweepOptimum find_optimum(HeldData& held, const FitPlan& plan,
                                        const ProximalPart& proximal, bool intercept,
                                        double curvature, int threads, Validation* validation,
                                        const std::function<bool()>& proceed);

}  // namespace steepest::train
