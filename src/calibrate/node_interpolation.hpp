// SPDX-License-Identifier: Apache-2.0
// Sums over rows at any log beta, from those at the nodes around it.
#pragma once

#include <cstdint>
#include <vector>

#include "src/calibrate/calibration_pass.hpp"

namespace steepest::calibrate {

class NodeInterpolation {
 public:
  /// Keeps the `most` nodes that are nearest to u, or one where the second is not near it. `nodes`
  /// has at least one element.
  NodeInterpolation(std::vector<NodeSums> nodes, double u, std::int64_t most);

  /// A sum at u, from its values and slopes at the nodes.
  [[nodiscard]] double operator()(double u, double NodeSums::*value, double NodeSums::*slope) const;

  /// V = M - dM/du. `is_window` says whether nodes lie far enough apart to take a derivative from
  /// their polynomial; where they do not, the nearest is near enough to take V from it.
  [[nodiscard]] double variance(double u, bool is_window) const;

 private:
  std::vector<NodeSums> nodes_;
};

}  // namespace steepest::calibrate
