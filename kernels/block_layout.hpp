// SPDX-License-Identifier: Apache-2.0
// What fits one block of threads: the shape of the kernel that takes mini-batch steps of a model
// without a word from the host, alone or with other blocks, and where it keeps what it works on.
#pragma once

#include <cstdint>

#include "kernels/bank.hpp"

namespace steepest::kernels {

/// Doubles a model's steps read and write, in the order in which shared memory is given to them.
enum class BlockArray : std::int32_t { parameters, velocities, second, old_gradients, old_points };
inline constexpr int block_array_count = 5;

/// How blocks that share a batch reach each other's sums: in the shared memory of a cluster, or in
/// the device's memory, with barriers of all blocks of a launch that work on a model.
enum class BlockSharing : std::int32_t { none, cluster, grid };

/// Of a launch. Offsets are bytes from the start of a block's shared memory, multiples of 16.
struct BlockLayout {
  std::int64_t rows = 0;  ///< of a batch, a rank's at most
  BlockSharing sharing = BlockSharing::none;
  std::int32_t ranks = 1;           ///< blocks that share a batch: a power of two, 1 with `none`
  std::int32_t threads = 0;         ///< a multiple of 32, at most most_block_threads
  std::int32_t row_lanes = 0;       ///< threads that share a row for its scores: 4, 8, 16 or 32
  std::int32_t tile_outputs = 0;    ///< scores a thread has at a time: 1, 3 or 5; not 3 where
                                    ///< batches are shared
  std::int32_t thread_columns = 0;  ///< features a thread has in the gradient at a time: 1 or 4; 4
                                    ///< where batches are shared
  std::int32_t weights = 0;         ///< (C, pitch) of the pass's arithmetic, padding 0
  std::int32_t gradient = 0;        ///< (C, d + 1) of the pass's arithmetic
  std::int32_t halves = 1;          ///< of partials: with 2, a cluster's step has one barrier less
  std::int32_t partials = 0;        ///< likewise, of a rank's rows alone: (halves, C, d + 1) in a
                                    ///< cluster; of a grid one a thread, for sums of ranks; the
                                    ///< gradient itself where one block has all rows
  std::int32_t scores = 0;          ///< (rows, C) of the pass's arithmetic
  std::int32_t indexes = 0;         ///< (2, rows) rows of this batch and of the next
  std::int32_t arrays[block_array_count] = {};  ///< (C, d + 1) doubles; -1: in the bank's memory
  bool holds_all = true;                        ///< no array is in the bank's memory
  std::int64_t bytes = 0;
};

inline constexpr std::int32_t most_block_threads = 512;

/// Rows of a batch at most, for a block: those whose gradient is summed in the arithmetic of the
/// pass.
inline constexpr std::int64_t most_block_rows = 1024;

/// Blocks at most that share a batch, and rows that each of them has at least. Estimates: a
/// cluster's barrier costs as much as a few dozen rows, and a grid, whose barriers cost more, is
/// for batches that want the reads of many multiprocessors (docs/gpu.md). Nothing was measured.
inline constexpr std::int64_t most_cluster_ranks = 8;
inline constexpr std::int64_t fewest_cluster_rows = 64;
inline constexpr std::int64_t most_grid_ranks = 128;
inline constexpr std::int64_t fewest_grid_rows = 16;

/// What the layout depends on beside the shape of a model.
struct BlockProblem {
  std::int64_t outputs = 1;                   ///< C
  std::int64_t features = 1;                  ///< d
  std::int64_t pitch = 0;                     ///< elements from a row of features to the next
  std::int64_t batch = 1;                     ///< rows a step
  std::int64_t value_bytes = 4;               ///< of the pass's arithmetic: 4 or 8
  bool has_second = false;                    ///< see ModelPlan
  bool remembers = false;                     ///< some schedule remembers a point and a gradient
  BlockSharing sharing = BlockSharing::none;  ///< how blocks may share a batch
  std::int64_t multiprocessors = 1;           ///< of the GPU: as many blocks run at the same time
};

/// The layout within `shared_bytes` of shared memory, of which the kernel keeps `scratch_bytes` (a
/// multiple of 16) at its start. Blocks share a batch where they have rows enough and each of them
/// has room for all arrays, since all of them step the model; else one block takes it. Throws
/// OptionError, with the limit, for a batch or a model that blocks cannot hold.
[[nodiscard]] BlockLayout block_layout(const BlockProblem& problem, std::int64_t scratch_bytes,
                                       std::int64_t shared_bytes);

}  // namespace steepest::kernels
