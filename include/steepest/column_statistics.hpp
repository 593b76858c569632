// SPDX-License-Identifier: Apache-2.0
// What is known of the columns of a matrix of features.
#pragma once

#include <vector>

namespace steepest {

/// Statistics of a matrix, each (columns) long, over rows of positive weight.
struct ColumnStatistics {
  std::vector<double> mean;                ///< sum w x / sum w
  std::vector<double> standard_deviation;  ///< population: sqrt(sum w (x - mean)^2 / sum w)
  std::vector<float> minimum;
  std::vector<float> maximum;
};

}  // namespace steepest
