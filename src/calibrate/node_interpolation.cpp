// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/node_interpolation.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "src/calibrate/hermite.hpp"

namespace steepest::calibrate {

NodeInterpolation::NodeInterpolation(std::vector<NodeSums> nodes, double u, std::int64_t most)
    : nodes_(std::move(nodes)) {
  std::sort(nodes_.begin(), nodes_.end(), [u](const NodeSums& a, const NodeSums& b) {
    return std::fabs(a.u - u) < std::fabs(b.u - u);
  });
  nodes_.resize(std::min(nodes_.size(), static_cast<std::size_t>(most)));
  if (nodes_.size() == 2 && std::fabs(nodes_[1].u - u) > node_reach) {
    nodes_.resize(1);
  }
  for (NodeSums& node : nodes_) {
    node.derive();
  }
}

double NodeInterpolation::operator()(double u, double NodeSums::*value,
                                     double NodeSums::*slope) const {
  std::vector<HermitePoint> points;
  points.reserve(nodes_.size());
  for (const NodeSums& node : nodes_) {
    points.push_back({node.u, node.*value, node.*slope});
  }
  return Hermite(std::move(points))(u);
}

double NodeInterpolation::variance(double u, bool is_window) const {
  constexpr double step = 1e-5;
  if (!is_window) {
    return nodes_.front().variance;
  }
  const double after = (*this)(u + step, &NodeSums::mean_gap, &NodeSums::mean_gap_slope);
  const double before = (*this)(u - step, &NodeSums::mean_gap, &NodeSums::mean_gap_slope);
  const double mean = (*this)(u, &NodeSums::mean_gap, &NodeSums::mean_gap_slope);
  return mean - (after - before) / (2.0 * step);
}

}  // namespace steepest::calibrate
