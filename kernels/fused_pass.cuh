// SPDX-License-Identifier: Apache-2.0
// The fused engine's pass: every row selected is read once, for its scores and for its gradient.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/device_buffer.cuh"
#include "kernels/device_data.cuh"
#include "kernels/fused_shape.hpp"
#include "kernels/fused_task.cuh"
#include "kernels/pass_sums.cuh"
#include "kernels/rounding.hpp"

namespace steepest::kernels {

/// Computes the sums of DeviceLossGradient for the models of a bank. Where a bank has more columns
/// than one read serves, groups of models read the rows one after the other.
///
/// Launches: one a chunk, and one more where a pass has more than most_unfolded_partitions
/// partitions; a pass over at most 1,048,576 rows is one chunk where 256 MB hold its partial sums.
/// Determinism: the same bits for the same chip, toolkit and shapes: fixed partitions of at most
/// 1024 rows, summed in T; their sums added in double and in a fixed order. No atomics.
/// Nothing waits for the device. Everything throws DeviceError.
template <class T>
class FusedPass {
 public:
  /// A view of rows that outlive this, held as they are or packed, and how products of more columns
  /// than the strip kernel takes are rounded: none unless T is float. Throws OptionError for a bank
  /// beyond fused_shape(), or beyond the current GPU.
  FusedPass(const BankShape& shape, const PassRows<T>& rows, Rounding rounding,
            cudaStream_t stream);

  /// Queues one pass. The sums are valid until the next pass.
  PassSums<T> run(const PassLoss& loss, const PassParameters& parameters, const RowSelection& rows);

 private:
  BankShape shape_;
  DeviceRows<T> data_;
  PackedFeatures packed_;
  Rounding rounding_;
  cudaStream_t stream_;
  FusedShape kernel_;
  std::int64_t most_rows_;                 // of a chunk
  DeviceBuffer<T> gradient_;               // (partitions, columns, pitch)
  DeviceBuffer<double> losses_;            // (partitions, models)
  DeviceBuffer<double> carried_gradient_;  // (columns, d + 1)
  DeviceBuffer<double> carried_loss_;      // models
};

extern template class FusedPass<float>;
extern template class FusedPass<double>;

}  // namespace steepest::kernels
