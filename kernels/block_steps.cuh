// SPDX-License-Identifier: Apache-2.0
// Many mini-batch steps of every model of a bank in one launch: a block of threads a model, or a
// cluster of blocks.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/block_layout.hpp"
#include "kernels/device_bank.cuh"
#include "kernels/device_rows.cuh"
#include "kernels/loss_gradient.hpp"

namespace steepest::kernels {

/// The steps of a launch: [first, first + count) of a run whose epochs are cut as batch_of_step()
/// says.
struct BlockRun {
  std::int64_t first = 0;
  std::int64_t count = 0;
  std::int64_t batch = 1;  ///< rows a step, fewer than all
  std::uint64_t seed = 0;
  std::int64_t together = 1;  ///< see RowOrder
};

/// The layout for a bank over d features whose rows have a pitch, within a block's `shared_bytes`,
/// on a GPU with clusters or without.
/// Throws OptionError for what a block cannot hold, and for what it does not do: preconditioners,
/// and schedules whose trials may be taken back.
template <class T>
[[nodiscard]] BlockLayout block_layout_for(const BankPlan& plan, std::int64_t features,
                                           std::int64_t pitch, std::int64_t batch,
                                           std::int64_t shared_bytes, bool has_clusters);

/// Takes `run.count` steps of every running model; a model that ends takes no more. Queues one
/// kernel; the host learns nothing until it asks.
///
/// A block, or the blocks of a cluster for their share, draws the rows of a batch from the order
/// that every device has, computes scores and gradient in T from parameters in double, as
/// DeviceLossGradient does, and updates them by the arithmetic of kernels/update.hpp, as
/// queue_update() in mode blind_step does. Weights, gradient and scores are in shared memory,
/// parameters and what rules and schedules keep of them as far as they fit; the bank has them all
/// when the launch ends. Blocks of a cluster read each other's gradients, once a step, and make the
/// same update each for itself. The rows of the next batch are asked for while this one is worked
/// on.
///
/// `records` is (run.count, models) in device memory; a model that was running leaves its
/// StepRecords there. Where a value is not finite no step is taken, and its length in the record
/// is 0.
///
/// Complexity: 4 * batch * (d + 1) * C flops a step and model; every model reads its own batch.
/// Determinism: the same bits for the same shapes, whatever models stand beside one and however
/// many steps a launch takes; no atomics. They differ from queue_update()'s by the order of sums.
/// Throws DeviceError.
template <class T>
void queue_block_steps(const PassLoss& loss, const DeviceRows<T>& data, const BankView& bank,
                       const BlockRun& run, const BlockLayout& layout, StepRecord* records,
                       cudaStream_t stream);

}  // namespace steepest::kernels
