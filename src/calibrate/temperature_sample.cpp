// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/temperature_sample.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "src/calibrate/row_blocks.hpp"
#include "src/calibrate/temperature_search.hpp"

namespace steepest::calibrate {
namespace {

// Every so many-th block is looked at.
constexpr std::int64_t sample_stride = 64;
constexpr std::int64_t most_sample_bytes = std::int64_t{64} << 20;

// A step in log T that moves the window by less than what is known of it.
constexpr double small_step = 1e-3;
constexpr int most_steps = 60;

std::int64_t stride_of(const LogitRows& rows) {
  const std::int64_t block_bytes = rows.block_rows() * rows.classes() *
                                   (rows.holds_doubles() ? std::int64_t{8} : std::int64_t{4});
  const std::int64_t blocks = block_count(rows);
  const std::int64_t most_blocks = std::max<std::int64_t>(most_sample_bytes / block_bytes, 1);
  return std::max(std::min(sample_stride, (blocks + 7) / 8),
                  (blocks + most_blocks - 1) / most_blocks);
}

}  // namespace

double deviation_of(double variance, double score_square) {
  return variance > 0.0 ? std::sqrt(std::max(score_square, 0.0)) / variance
                        : std::numeric_limits<double>::infinity();
}

double smoothed_gap(const PassSums& sums, double smoothing) {
  return ((1.0 - smoothing) * sums.label_gap + smoothing * sums.uniform_gap) /
         static_cast<double>(sums.rows);
}

Estimate look_at_sample(BlockReader& blocks, double smoothing, int device_ordinal,
                        kernels::ThreadPool& pool) {
  const LogitRows& rows = blocks.rows();
  PassPlan plan;
  plan.smoothing = smoothing;
  plan.device_ordinal = device_ordinal;
  plan.stride = stride_of(rows);
  if (rows.is_file()) {
    blocks.hold(plan.stride, pool);
  }
  plan.u = {0.0};
  PassSums sums = run_pass(blocks, plan, pool, {});
  if (sums.rows == 0 || !(sums.uniform_gap > 0.0)) {
    return {};
  }
  // Labels are smoothed by half a row, so that a sample without a wrong one has an answer too.
  const auto n = static_cast<double>(sums.rows);
  const double gbar = sums.uniform_gap / n;
  const double half_row = 0.5 * gbar / n;
  const double c = std::clamp(smoothed_gap(sums, smoothing), half_row, gbar - half_row);
  TemperatureSearch search(c, gbar);
  search.add(sums.nodes[0], sums.rows);
  double u = usable_node(-std::log(c), rows.holds_doubles());
  for (int i = 0; i < most_steps; ++i) {
    plan.u = {u};
    sums = run_pass(blocks, plan, pool, {});
    search.add(sums.nodes[0], sums.rows);
    const double next = usable_node(search.next(), rows.holds_doubles());
    if (std::fabs(next - u) < small_step) {
      break;
    }
    u = next;
  }
  const NodeSums& node = sums.nodes[0];
  return {u, deviation_of(node.variance, std::max(node.score_square, node.block_score_square))};
}

}  // namespace steepest::calibrate
