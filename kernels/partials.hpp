// SPDX-License-Identifier: Apache-2.0
// Sums over rows, by partitions: see partitions.hpp.
#pragma once

#include <cstdint>
#include <vector>

namespace steepest::kernels {

/// The sums of one pass, one part a partition; the update adds the parts in order.
struct Partials {
  std::int64_t partitions = 0;
  std::vector<double> gradient;  ///< (partitions, columns, d + 1): sum_i w_i dl/dz_c x_j
  std::vector<double> loss;      ///< (partitions, models): sum_i w_i l_i
};

}  // namespace steepest::kernels
