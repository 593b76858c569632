// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/affine_search.hpp"

#include <utility>

#include "kernels/lbfgs.hpp"

namespace steepest::calibrate {
namespace {

constexpr std::int64_t most_passes = 2000;

}  // namespace

AffineSearch minimise(AffineObjective& objective, double penalty, std::vector<double> start,
                      kernels::ThreadPool& pool) {
  constexpr std::int64_t pairs = 10;
  constexpr double rounding = 0x1p-48;
  constexpr std::int64_t patience = 40;
  kernels::Lbfgs lbfgs(objective.elements(), pairs, rounding, patience);
  const kernels::Lbfgs::Metric metric = [&](const double* v, double* out) {
    objective.metric(penalty, v, out);
  };
  std::vector<double> theta = std::move(start);
  std::vector<double> gradient(theta.size());
  std::vector<double> next(theta.size());
  AffineSearch found;
  while (found.passes < most_passes) {
    const Evaluation now = objective.evaluate(theta, penalty, gradient);
    ++found.passes;
    bool goes_on = true;
    if (lbfgs.takes(now, gradient.data(), pool)) {
      if (now.gradient_max_norm <= gradient_tolerance) {
        found.converged = true;
        found.theta = std::move(theta);
        found.at = now;
        return found;
      }
      lbfgs.propose(now, theta.data(), gradient.data(), metric, 1.0, pool, next.data());
      goes_on = lbfgs.has_way();
    } else {
      goes_on = lbfgs.propose_shorter(metric, 1.0, pool, next.data());
    }
    if (!goes_on) {
      break;
    }
    theta.swap(next);
  }
  found.theta.assign(lbfgs.taken(), lbfgs.taken() + objective.elements());
  found.at = lbfgs.at_taken();
  return found;
}

}  // namespace steepest::calibrate
