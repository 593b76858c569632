// SPDX-License-Identifier: Apache-2.0
// Blocks that share a batch: which of them has which rows, and how their sums become everyone's.
#pragma once

#include <cuda_runtime.h>

#include "kernels/block_model.cuh"
#include "kernels/cluster.cuh"
#include "kernels/grid_barrier.cuh"
#include "kernels/warp.cuh"

namespace steepest::kernels {

// Which of the blocks that share a batch this is.
template <BlockSharing sharing>
__device__ int rank_of(const BlockLayout& layout) {
  if constexpr (sharing == BlockSharing::cluster) {
    return cluster_rank();
  } else if constexpr (sharing == BlockSharing::grid) {
    return static_cast<int>(blockIdx.x % static_cast<unsigned>(layout.ranks));
  } else {
    return 0;
  }
}

// Where the rows of this block put their gradient, by the half of this step.
template <BlockSharing sharing, class T>
__device__ T* partial_of(const ModelBlock<T>& block, int half) {
  if constexpr (sharing == BlockSharing::cluster) {
    return block.shared_partials() + half % block.layout.halves * block.elements();
  } else if constexpr (sharing == BlockSharing::grid) {
    return block.sums.partials + static_cast<std::int64_t>(blockIdx.x) * block.elements();
  } else {
    return block.gradient();
  }
}

// What the rows of the whole block lost, to its first warp.
template <class T>
__device__ double block_loss(const ModelBlock<T>& block, double loss) {
  double words[4] = {loss, 0.0, 0.0, 0.0};
  block_totals(
      words, [](int /*word*/, double one, double other) { return one + other; },
      block.scratch.parts, block.scratch.total);
  return block.thread == 0 ? block.scratch.total[0] : 0.0;
}

// The gradient of all ranks of a cluster, added in their order, by each of them. Takes what this
// thread's rows lost, and returns its share of what all lost. Where halves of what is read take
// turns, no rank comes to write this one again before all have read it: it passes the barrier of
// the step between.
template <class T>
__device__ double add_cluster(const ModelBlock<T>& block, int half, double loss) {
  const double own = block_loss(block, loss);
  if (block.thread == 0) {
    block.scratch.rank_loss[half] = own;
  }
  wait_for_cluster();
  T* const gradient = block.gradient();
  const T* const partial = partial_of<BlockSharing::cluster>(block, half);
  for (int e = block.thread; e < block.elements(); e += block.threads) {
    T sum = 0;
    for (int rank = 0; rank < block.layout.ranks; ++rank) {
      sum += shared_of_rank(partial, rank)[e];
    }
    gradient[e] = sum;
  }
  double all = 0.0;
  for (int rank = 0; block.thread == 0 && rank < block.layout.ranks; ++rank) {
    all += *shared_of_rank(&block.scratch.rank_loss[half], rank);
  }
  if (block.layout.halves > 1) {
    __syncthreads();
  } else {
    wait_for_cluster();
  }
  return all;
}

// Of a grid, elements [first, first + count) of the gradient over all ranks, into totals: where a
// block has threads to spare, several add up an element, each over neighbouring ranks.
template <class T>
__device__ void add_slice(const ModelBlock<T>& block, const T* partials, int first, int count,
                          T* totals) {
  const int ranks = block.layout.ranks;
  const int spare = count > 0 ? block.threads / count : 1;
  const int parts = spare < 1 ? 1 : spare < ranks ? spare : ranks;
  T* const sums = block.shared_partials();
  for (int i = block.thread; i < count * parts; i += block.threads) {
    const int part = i / count;
    const T* const column = partials + first + i % count;
    T sum = 0;
    for (int rank = ranks * part / parts; rank < ranks * (part + 1) / parts; ++rank) {
      sum += read_of_grid(column + static_cast<std::int64_t>(rank) * block.elements());
    }
    (parts > 1 ? sums[i] : totals[first + i]) = sum;
  }
  if (parts == 1) {
    return;
  }
  __syncthreads();
  if (block.thread < count) {
    T sum = 0;
    for (int part = 0; part < parts; ++part) {
      sum += sums[part * count + block.thread];
    }
    totals[first + block.thread] = sum;
  }
}

// As add_cluster(), of a grid: every rank adds up a slice of the elements, and reads those of the
// others. What a rank writes before one of the barriers, others read before the next alone.
template <class T>
__device__ double add_grid(const ModelBlock<T>& block, double loss) {
  const int ranks = block.layout.ranks;
  const int rank = rank_of<BlockSharing::grid>(block.layout);
  const std::int64_t group = blockIdx.x / static_cast<unsigned>(ranks);
  unsigned* const arrivals = block.sums.arrivals + group;
  double* const losses = block.sums.losses + group * ranks;
  T* const totals = block.sums.totals + group * block.elements();
  const double own = block_loss(block, loss);
  if (block.thread == 0) {
    losses[rank] = own;
  }
  wait_for_grid(arrivals, static_cast<unsigned>(ranks));
  const double all = block.thread < ranks ? read_of_grid(losses + block.thread) : 0.0;
  const int slice = (block.elements() + ranks - 1) / ranks;
  const int left = block.elements() - rank * slice;
  add_slice(block, block.sums.partials + group * ranks * block.elements(), rank * slice,
            left < slice ? left : slice, totals);
  wait_for_grid(arrivals, static_cast<unsigned>(ranks));
  T* const gradient = block.gradient();
  for (int e = block.thread; e < block.elements(); e += block.threads) {
    gradient[e] = read_of_grid(totals + e);
  }
  __syncthreads();
  return all;
}

// The gradient of the whole batch, into every block's own, after compute_gradient() of this one's
// rows; takes and returns losses as add_cluster().
template <BlockSharing sharing, class T>
__device__ double add_ranks(const ModelBlock<T>& block, int half, double loss) {
  if constexpr (sharing == BlockSharing::cluster) {
    return add_cluster(block, half, loss);
  } else if constexpr (sharing == BlockSharing::grid) {
    return add_grid(block, loss);
  } else {
    __syncthreads();
    return loss;
  }
}

}  // namespace steepest::kernels
