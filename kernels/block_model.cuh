// SPDX-License-Identifier: Apache-2.0
// A model and the block of threads that steps it: what they share, and where its arrays lie.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/block_layout.hpp"
#include "kernels/block_steps.cuh"
#include "kernels/device_bank.cuh"
#include "kernels/device_rows.cuh"
#include "kernels/shared_memory.cuh"
#include "kernels/update.hpp"
#include "kernels/warp.cuh"

namespace steepest::kernels {

inline constexpr int most_block_warps = most_block_threads / warp_lanes;
inline constexpr int most_block_words = 16;  // numbers added up at a time

// What the threads of a block tell each other beside arrays: the start of its shared memory.
struct alignas(16) BlockScratch {  // NOLINT(cppcoreguidelines-pro-type-member-init): shared
  ModelState state;
  StepFactors factors;
  RateChoice choice;  // of a schedule that finds its rate
  FadingSum fading;   // likewise
  UpdateSums sums;
  double mean_loss;
  int rows[2];          // of this batch and of the next: this rank's
  int batch_rows[2];    // likewise: all ranks'
  double rank_loss[2];  // of this step and of the next
  bool steps;           // else the model ends where it is
  double parts[most_block_warps * most_block_words];
  double total[most_block_words];
};

// What a thread of a block knows of the model that its block steps. Arrays are asked for where they
// are used, so that their addresses take no registers meanwhile.
template <class T>
struct ModelBlock {
  const ModelPlan& plan;
  const BankView& bank;
  const BlockRun& run;
  const BlockLayout& layout;
  const DeviceRows<T>& data;
  const GridSums<T>& sums;
  BlockScratch& scratch;
  std::int64_t model;
  int thread;
  int threads;
  int outputs;
  int stride;

  [[nodiscard]] __device__ int elements() const { return outputs * stride; }

  // (C, pitch), (C, d + 1) and (rows, C).
  [[nodiscard]] __device__ T* weights() const { return shared<T>(layout.weights); }
  [[nodiscard]] __device__ T* gradient() const { return shared<T>(layout.gradient); }
  [[nodiscard]] __device__ T* scores() const { return shared<T>(layout.scores); }

  // See BlockLayout::partials.
  [[nodiscard]] __device__ T* shared_partials() const { return shared<T>(layout.partials); }

  // Rows of a batch, of this rank: two halves take turns.
  [[nodiscard]] __device__ std::int64_t* indexes(int half) const {
    return shared<std::int64_t>(layout.indexes) + half * layout.rows;
  }

  // (C, d + 1), in shared memory or the bank's; null where no model of the bank has it.
  [[nodiscard]] __device__ double* array(BlockArray which) const {
    double* const held = in_bank(which);
    const std::int32_t offset = layout.arrays[static_cast<int>(which)];
    return held == nullptr || offset < 0 || in_two_buffers(which) ? held : shared<double>(offset);
  }

  // Where a step puts parameters.
  [[nodiscard]] __device__ double* next() const {
    return in_two_buffers(BlockArray::parameters)
               ? bank.parameters_of(model, 1 - scratch.state.current)
               : array(BlockArray::parameters);
  }

  [[nodiscard]] __device__ double* in_bank(BlockArray which) const {
    if (which == BlockArray::parameters) {
      return bank.parameters_of(model, scratch.state.current);
    }
    double* const first = which == BlockArray::velocities      ? bank.velocities
                          : which == BlockArray::second        ? bank.second
                          : which == BlockArray::old_gradients ? bank.old_gradients
                                                               : bank.old_points;
    return first == nullptr ? nullptr : first + model * elements();
  }

 private:
  // Parameters are stepped in place but for a model that looks ahead at detours, whose step may
  // prove not finite.
  [[nodiscard]] __device__ bool in_two_buffers(BlockArray which) const {
    return which == BlockArray::parameters && plan.has_detours();
  }

  template <class Value>
  [[nodiscard]] __device__ static Value* shared(std::int32_t offset) {
    return reinterpret_cast<Value*>(launch_shared_memory() + offset);
  }
};

// A thread's elements of a model, one by one: thread, thread + threads, ...
struct ElementWalk {
  int element;
  int output;
  int column;
  int threads;
  int stride;

  template <class T>
  __device__ explicit ElementWalk(const ModelBlock<T>& block)
      : element(block.thread),
        output(block.thread / block.stride),
        column(block.thread % block.stride),
        threads(block.threads),
        stride(block.stride) {}

  [[nodiscard]] __device__ bool is_intercept() const { return column == stride - 1; }

  __device__ void advance() {
    element += threads;
    output = element / stride;
    column = element - output * stride;
  }
};

// Copies what lies in shared memory from the bank, or back.
template <class T>
__device__ void exchange_with_bank(const ModelBlock<T>& block, bool back) {
  for (int i = 0; i < block_array_count; ++i) {
    const auto which = static_cast<BlockArray>(i);
    double* const in_bank = block.in_bank(which);
    double* const array = block.array(which);
    if (array == in_bank) {
      continue;
    }
    for (int e = block.thread; e < block.elements(); e += block.threads) {
      (back ? in_bank : array)[e] = (back ? array : in_bank)[e];
    }
  }
}

}  // namespace steepest::kernels
