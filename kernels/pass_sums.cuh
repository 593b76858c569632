// SPDX-License-Identifier: Apache-2.0
// What a pass on the device leaves for the update: partial sums, and how they are added up.
#pragma once

#include <cstdint>

#include "kernels/bank.hpp"

namespace steepest::kernels {

/// The sums of a pass in device memory: those of its last chunk, one part a partition, and those of
/// the chunks before it, already added up. A view; T is the arithmetic of the pass.
/// Determinism: parts are added in order, in double, whatever the launch.
template <class T>
struct PassSums {
  BankShape shape;
  std::int64_t pitch = 0;
  std::int64_t partitions = 0;
  const T* gradient = nullptr;               ///< (partitions, columns, pitch)
  const double* loss = nullptr;              ///< (partitions, models)
  const double* carried_gradient = nullptr;  ///< (columns, d + 1), or null for none
  const double* carried_loss = nullptr;      ///< models, or null for none

  /// sum_i w_i dl/dz_c x_j for element c * (d + 1) + j.
  [[nodiscard]] STEEPEST_HD double gradient_sum(std::int64_t element) const {
    const std::int64_t column = element / shape.stride();
    const T* part = gradient + column * pitch + element % shape.stride();
    const std::int64_t part_size = shape.columns() * pitch;
    double total = carried_gradient == nullptr ? 0.0 : carried_gradient[element];
    for (std::int64_t p = 0; p < partitions; ++p) {
      total += static_cast<double>(part[p * part_size]);
    }
    return total;
  }

  /// sum_i w_i l_i of a model.
  [[nodiscard]] STEEPEST_HD double loss_sum(std::int64_t model) const {
    double total = carried_loss == nullptr ? 0.0 : carried_loss[model];
    for (std::int64_t p = 0; p < partitions; ++p) {
      total += loss[p * shape.models + model];
    }
    return total;
  }
};

}  // namespace steepest::kernels
