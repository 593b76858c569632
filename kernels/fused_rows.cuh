// SPDX-License-Identifier: Apache-2.0
// What the fused kernels share that keep rows in shared memory: two tiles of a partition's rows,
// one worked on while the other is on its way, and scores that become residuals in place.
#pragma once

#include <cuda_pipeline_primitives.h>
#include <cuda_runtime.h>

#include "kernels/cluster.cuh"
#include "kernels/fused_block.cuh"
#include "kernels/fused_shape.hpp"

namespace steepest::kernels {

/// Where rows and scores lie. Counts of values.
struct RowsLayout {
  int rows = 0;         ///< of a tile
  int pitch = 0;        ///< of rows in shared memory
  int score_pitch = 0;  ///< of a row of scores
  int slices = 0;       ///< of the features, whose parts of scores are added up
  int tile_values = 0;  ///< of both tiles
  int ranks = 1;        ///< blocks of a cluster that share the features of a task
};

/// A block of tile_threads threads at work on a partition, alone, or, where `has_ranks`, with
/// others of its cluster.
template <class T, bool has_ranks>
struct FusedRows : FusedBlock<T, tile_threads> {
  static constexpr int threads = tile_threads;
  static constexpr int width = static_cast<int>(vector_bytes) / static_cast<int>(sizeof(T));
  using FusedBlock<T, threads>::task;
  using FusedBlock<T, threads>::part;
  using FusedBlock<T, threads>::thread;
  using FusedBlock<T, threads>::row_at;

  RowsLayout layout;
  int rank = 0;         ///< of this block in its cluster
  int first_value = 0;  ///< of a row that this block keeps
  T* tiles;             ///< (2, rows, pitch)
  T* scores;            ///< (slices, rows, score_pitch); residuals in the first

  __device__ FusedRows(const FusedTask<T>& whole, const FusedPart<T>& mine,
                       const BlockShared& beside, const RowsLayout& lies, T* memory)
      : FusedBlock<T, threads>(whole, mine, beside),
        layout(lies),
        tiles(memory),
        scores(memory + lies.tile_values) {}

  /// Whether other blocks keep a share of the features.
  [[nodiscard]] __device__ bool shares() const { return has_ranks && layout.ranks > 1; }

  /// The tile that begins at row `first` of the partition.
  [[nodiscard]] __device__ T* tile(int first) const {
    return tiles + first / layout.rows % 2 * layout.rows * layout.pitch;
  }

  [[nodiscard]] __device__ T* row_scores(int slice, int row) const {
    return scores + (slice * layout.rows + row) * layout.score_pitch;
  }

  /// (rows, score_pitch), twice, where there are ranks: this rank's part of the scores of a tile,
  /// for the others to read while the next tile's are written.
  [[nodiscard]] __device__ T* published(int first) const {
    return row_scores(layout.slices + first / layout.rows % 2, 0);
  }

  /// Asks for the tile that begins at row `first`; rows past the end are 0.
  __device__ void ask_for(int first) const {
    constexpr int side = 32;  // threads on a row
    const int data_vectors = (static_cast<int>(task.data.pitch) - first_value) / width;
    T* const to = tile(first);
    for (int r = thread / side; r < layout.rows; r += threads / side) {
      const bool exists = first + r < part.rows;
      const std::int64_t row = exists ? row_at(first + r) : 0;
      for (int v = thread % side; v < layout.pitch / width; v += side) {
        T* const place = to + r * layout.pitch + v * width;
        if (exists && v < data_vectors && task.packed.are_held()) {
          task.packed.template read<width>(row, first_value + v * width, place);
        } else if (exists && v < data_vectors) {
          __pipeline_memcpy_async(
              place, task.data.features + row * task.data.pitch + first_value + v * width,
              vector_bytes);
        } else {
          for (int i = 0; i < width; ++i) {
            place[i] = T(0);
          }
        }
      }
    }
  }

  /// Adds up the slices of every score of the tile, `columns` a row, of all ranks.
  __device__ void add_slices(int first, int columns) const {
    T* const sums = shares() ? published(first) : scores;
    for (int i = thread; i < layout.rows * columns; i += threads) {
      const int score = i / columns * layout.score_pitch + i % columns;
      T sum = scores[score];
      for (int s = 1; s < layout.slices; ++s) {
        const int at = s * layout.rows * layout.score_pitch + score;
        sum += scores[at];
      }
      sums[score] = sum;
    }
    if (shares()) {
      wait_for_cluster();
      add_ranks(first, columns);
    }
  }

  /// Every rank does so, in the same order.
  __device__ void add_ranks(int first, int columns) const {
    for (int i = thread; i < layout.rows * columns; i += threads) {
      const int score = i / columns * layout.score_pitch + i % columns;
      T sum = 0;
      for (int other = 0; other < layout.ranks; ++other) {
        sum += shared_of_rank(published(first), other)[score];
      }
      scores[score] = sum;
    }
  }

  /// Threads that stand side by side on rows for one model.
  [[nodiscard]] __device__ int row_threads() const { return threads / part.models; }

  /// A thread a row and model. Its model is the same for every tile. Rows past the end become 0.
  __device__ void turn_into_residuals(int first, int columns, double& loss) const {
    const int models = part.models;
    const int row_step = row_threads();
    const int model = thread / row_step;
    for (int r = thread % row_step; r < layout.rows && model < models; r += row_step) {
      T* const row = row_scores(0, r);
      if (first + r < part.rows) {
        loss += model_residuals(task, row_at(first + r), model, row);
      } else {
        for (int c = model; c < columns; c += models) {
          row[c] = T(0);
        }
      }
    }
  }

  /// A thread a model adds what the threads of its rows found, in their order.
  __device__ void write_losses(double loss) const {
    this->shared.losses[thread] = loss;
    __syncthreads();
    if (thread < part.models && rank == 0) {
      const int row_step = row_threads();
      double total = 0.0;
      for (int r = 0; r < row_step && r < layout.rows; ++r) {
        total += this->shared.losses[thread * row_step + r];
      }
      this->loss_of(thread) = total;
    }
    __syncthreads();
  }
};

/// Walks the tiles of a partition and writes its gradient and losses. All threads of the block call
/// it. `at` is a FusedRows that also has: `columns` of its kernel, load_weights();
/// add_partial_scores(first), every slice's part of the scores of a tile; add_gradient(first,
/// gradient), what a tile adds to a thread's part of the gradient; write_gradient(gradient).
template <class Place>
__device__ void walk_tiles(const Place& at) {
  typename Place::Gradient gradient = {};
  double loss = 0.0;
  at.find_rows();
  at.load_weights();
  at.ask_for(0);
  __pipeline_commit();
  for (int first = 0; first < at.part.rows; first += at.layout.rows) {
    if (first + at.layout.rows < at.part.rows) {
      at.ask_for(first + at.layout.rows);
    }
    __pipeline_commit();
    __pipeline_wait_prior(1);  // all but the last one asked for
    __syncthreads();
    at.add_partial_scores(first);
    __syncthreads();
    at.add_slices(first, Place::columns);
    __syncthreads();
    at.turn_into_residuals(first, Place::columns, loss);
    __syncthreads();
    at.add_gradient(first, gradient);
    __syncthreads();  // the next round asks for rows where these lie
  }
  at.write_gradient(gradient);
  at.write_losses(loss);
  if (at.shares()) {
    wait_for_cluster();  // the others have read what the next task, or the end, takes away
  }
}

}  // namespace steepest::kernels
