// SPDX-License-Identifier: Apache-2.0
// Many mini-batch steps of every model of a bank in one launch: a block of threads a model, or
// several that share its batches.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/block_layout.hpp"
#include "kernels/device_bank.cuh"
#include "kernels/device_buffer.cuh"
#include "kernels/device_rows.cuh"
#include "kernels/loss_gradient.hpp"
#include "steepest/engine.hpp"

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

/// Where blocks that share a batch over the grid leave what the others read, in device memory, for
/// every group of such blocks; null without any.
template <class T>
struct GridSums {
  T* partials = nullptr;         ///< (groups, ranks, C, d + 1): gradients of a block's rows
  T* totals = nullptr;           ///< (groups, C, d + 1)
  double* losses = nullptr;      ///< (groups, ranks)
  unsigned* arrivals = nullptr;  ///< groups: see wait_for_grid()
};

/// Takes steps of the models of one bank; a model that ends takes no more.
///
/// A block, or each of those that share a batch for its part, draws the rows of a batch from the
/// order that every device has, computes scores and gradient in T from parameters in double, as
/// DeviceLossGradient does, and updates them by the arithmetic of kernels/update.hpp, as
/// queue_update() in mode blind_step does. Weights, gradient and scores are in shared memory,
/// parameters and what rules and schedules keep of them as far as they fit; the bank has them all
/// when the launch ends. The blocks of a cluster read each other's gradients, once a step; those of
/// a grid add up a slice each and read the slices. All of them make the same update, each for
/// itself. The rows of the next batch are asked for while this one is worked on.
///
/// Complexity: 4 * batch * (d + 1) * C flops a step and model; every model reads its own batch.
/// Determinism: the same bits for the same shapes, whatever models stand beside one and however
/// many steps a launch takes; no atomics but a barrier's. They differ from queue_update()'s by the
/// order of sums. Throws DeviceError.
template <class T>
class BlockSteps {
 public:
  /// For a bank over d features whose rows have a pitch, on one GPU: by engine block, whose blocks
  /// share a batch within a cluster where the GPU has them, or by engine grid. Throws OptionError
  /// for what blocks cannot hold, and for what they do not do: preconditioners, schedules whose
  /// trials may be taken back, sgd_bb.
  BlockSteps(const BankPlan& plan, std::int64_t features, std::int64_t pitch, std::int64_t batch,
             Engine engine, int ordinal);

  [[nodiscard]] const BlockLayout& layout() const { return layout_; }

  /// Queues one kernel that takes `run.count` steps of every running model; the host learns nothing
  /// until it asks. `records` is (run.count, models) in device memory; a model that was running
  /// leaves its StepRecords there. Where a value is not finite no step is taken, and its length in
  /// the record is 0.
  void queue(const PassLoss& loss, const DeviceRows<T>& data, const BankView& bank,
             const BlockRun& run, StepRecord* records, cudaStream_t stream);

 private:
  BlockLayout layout_;
  std::int64_t groups_ = 1;  // of blocks that share a batch: as many models are stepped at a time
  DeviceBuffer<T> partials_;
  DeviceBuffer<T> totals_;
  DeviceBuffer<double> losses_;
  DeviceBuffer<unsigned> arrivals_;
};

extern template class BlockSteps<float>;
extern template class BlockSteps<double>;

}  // namespace steepest::kernels
