// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/nll_curve.hpp"

#include <cmath>

#include "src/calibrate/calibration_pass.hpp"

namespace steepest::calibrate {

std::vector<NllPoint> nll_curve(const LogitRows& rows, double low, double high, std::int64_t points,
                                double smoothing, int threads) {
  PassPlan plan;
  plan.smoothing = smoothing;
  plan.unit_node = -1;
  for (std::int64_t i = 0; i < points; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(points - 1);
    const double log_temperature = std::log(low) + share * (std::log(high) - std::log(low));
    plan.u.push_back(usable_node(-log_temperature, rows.holds_doubles()));
  }
  kernels::ThreadPool pool(threads);
  const BlockReader blocks(rows);
  const PassSums sums = run_pass(blocks, plan, pool, {});
  std::vector<NllPoint> curve;
  for (const NodeSums& node : sums.nodes) {  // log sum e^(-beta gap) + beta * the label's gap
    const double total = node.log_total + node.beta * sums.label_gap;
    curve.push_back({1.0 / node.beta, total / static_cast<double>(sums.rows)});
  }
  return curve;
}

}  // namespace steepest::calibrate
