// SPDX-License-Identifier: Apache-2.0
// The middle of a pass on the device: scores become residuals in place, losses are added up.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/loss_gradient.hpp"
#include "kernels/row_chunks.hpp"

namespace steepest::kernels {

/// What the rows of a chunk are compared with, in device memory: row r of the chunk is row
/// indexes[r] of the data, or first + r where indexes is null.
template <class T>
struct RowTargets {
  const T* targets = nullptr;             ///< (n, C), or null
  const std::int32_t* labels = nullptr;   ///< n, or null
  const T* weights = nullptr;             ///< n, or null for all 1
  const std::int64_t* indexes = nullptr;  ///< chunk.rows, or null
  std::int64_t first = 0;

  [[nodiscard]] STEEPEST_HD std::int64_t row_of(std::int64_t r) const {
    return indexes == nullptr ? first + r : indexes[r];
  }

  [[nodiscard]] STEEPEST_HD T weight_of(std::int64_t row) const {
    return weights == nullptr ? T(1) : weights[row];
  }
};

/// What row i of the data is compared with.
template <class Loss, class T>
[[nodiscard]] STEEPEST_HD RowTarget<T> target_of(const RowTargets<T>& targets, std::int64_t i,
                                                 std::int64_t outputs) {
  RowTarget<T> target{nullptr, 0};
  if constexpr (takes_values<Loss>) {
    target.values = targets.targets + i * outputs;
  }
  if constexpr (takes_labels<Loss>) {
    target.label = targets.labels[i];
  }
  return target;
}

/// Turns the scores of row r under one model into weight * dl/dz, in place; returns weight * l.
template <class Loss, class T>
STEEPEST_HD double row_residuals(const Loss& loss, const RowTargets<T>& targets, std::int64_t r,
                                 std::int64_t outputs, T* scores) {
  const std::int64_t i = targets.row_of(r);
  return static_cast<double>(loss.residual_in_place(
      scores, outputs, target_of<Loss>(targets, i, outputs), targets.weight_of(i)));
}

/// Outputs of a model that one thread walks; of more, a warp takes a row.
inline constexpr std::int64_t most_outputs_of_a_thread = 32;

/// Slices of a partition whose losses are added up on their own where a warp takes a row.
inline constexpr std::int64_t loss_slices = 64;

/// Doubles that `loss_sums` of queue_residuals() has room for, for chunks of up to `partitions`.
[[nodiscard]] inline std::int64_t loss_sums_room(const BankShape& shape, std::int64_t partitions) {
  return partitions * shape.models *
         (shape.outputs > most_outputs_of_a_thread ? 1 + loss_slices : 1);
}

/// scores (chunk.padded_rows(), columns) become residuals w_i dl/dz_ic; rows from chunk.rows on
/// become 0. loss_sums begins with (chunk.partitions, models), which becomes the sums of w_i l_i
/// over each partition; what lies behind, see loss_sums_room(), is scratch.
///
/// Up to most_outputs_of_a_thread outputs: one kernel, one thread a (row, model), which walks that
/// model's C scores; one block a partition and 32 models. More: two, the first with one warp a
/// (row, model), whose lanes lie side by side on outputs, and one block a slice of a partition and
/// model. Determinism: losses are added in a fixed order and in double. Targets must fit the loss.
/// Throws DeviceError.
template <class T>
void queue_residuals(const PassLoss& loss, const RowTargets<T>& targets, const RowChunk& chunk,
                     const BankShape& shape, cudaStream_t stream, T* scores, double* loss_sums);

}  // namespace steepest::kernels
