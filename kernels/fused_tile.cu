// SPDX-License-Identifier: Apache-2.0
#include <cuda_pipeline_primitives.h>

#include "kernels/fused_block.cuh"
#include "kernels/fused_shape.hpp"
#include "kernels/fused_tile.cuh"
#include "kernels/launch.cuh"
#include "kernels/shared_memory.cuh"
#include "kernels/unroll.cuh"

namespace steepest::kernels {
namespace {

constexpr int threads = tile_threads;
constexpr int block_rows = static_cast<int>(tile_block_rows);
constexpr int block_columns = static_cast<int>(tile_block_columns);

// How the threads of a block stand, and where its arrays lie in shared memory.
struct TileLayout {
  int rows = 0;           // of a tile
  int pitch = 0;          // of rows and parameters in shared memory
  int score_pitch = 0;    // of a row of scores
  int slices = 0;         // of the features, whose parts of scores are added up
  int feature_lanes = 0;  // threads side by side on features in the gradient
  int tile_values = 0;    // of both tiles
};

// Scores: a thread takes `block_rows` rows and `block_columns` columns of a tile, far apart, and a
// slice of the features. Gradient: `feature_lanes` threads stand side by side, each on `features`
// features that far apart and all columns, threads / feature_lanes such groups on rows.
template <class T, int features, int columns>
struct TilePlace : FusedBlock<T, threads> {
  static constexpr int width = static_cast<int>(vector_bytes) / static_cast<int>(sizeof(T));
  static constexpr int column_blocks = columns / block_columns;
  using Gradient = T[features][columns];
  using FusedBlock<T, threads>::task;
  using FusedBlock<T, threads>::part;
  using FusedBlock<T, threads>::thread;
  using FusedBlock<T, threads>::row_at;

  TileLayout layout;
  T* weights;  // (columns, pitch)
  T* tiles;    // (2, rows, pitch)
  T* scores;   // (slices, rows, score_pitch); residuals in the first

  __device__ TilePlace(const FusedTask<T>& whole, const FusedPart<T>& mine,
                       const BlockShared& beside, const TileLayout& lies, unsigned char* memory)
      : FusedBlock<T, threads>(whole, mine, beside),
        layout(lies),
        weights(reinterpret_cast<T*>(memory)),
        tiles(weights + columns * lies.pitch),
        scores(tiles + lies.tile_values) {}

  [[nodiscard]] __device__ T* tile(int first) const {
    return tiles + first / layout.rows % 2 * layout.rows * layout.pitch;
  }

  [[nodiscard]] __device__ T* row_scores(int slice, int row) const {
    return scores + (slice * layout.rows + row) * layout.score_pitch;
  }

  __device__ void load_weights() const {
    const BankShape& bank = task.shape();
    for (int c = 0; c < columns; ++c) {
      const bool exists = c < part.columns;
      const double* const from =
          task.parameters.of(part.first_model + (exists ? c / bank.outputs : 0)) +
          c % bank.outputs * bank.stride();
      for (int j = thread; j < layout.pitch; j += threads) {
        weights[c * layout.pitch + j] =
            exists && j < bank.stride() ? static_cast<T>(from[j]) : T(0);
      }
    }
  }

  // Asks for the tile that begins at row `first`; rows past the end are 0.
  __device__ void ask_for(int first) const {
    constexpr int side = 32;  // threads on a row
    const auto data_vectors = static_cast<int>(task.data.pitch) / width;
    T* const to = tile(first);
    for (int r = thread / side; r < layout.rows; r += threads / side) {
      const bool exists = first + r < part.rows;
      const T* const from = task.data.features + (exists ? row_at(first + r) : 0) * task.data.pitch;
      for (int v = thread % side; v < layout.pitch / width; v += side) {
        T* const place = to + r * layout.pitch + v * width;
        if (exists && v < data_vectors) {
          __pipeline_memcpy_async(place, from + v * width, vector_bytes);
        } else {
          for (int i = 0; i < width; ++i) {
            place[i] = T(0);
          }
        }
      }
    }
  }

  // A slice's part of the scores of a few rows and columns.
  __device__ void add_slice(const T* rows, int slice, int row_block, int column_block) const {
    const int row_blocks = layout.rows / block_rows;
    T sums[block_rows][block_columns] = {};
    for (int v = slice; v < layout.pitch / width; v += layout.slices) {
      Vector<T> x[block_rows];
      STEEPEST_UNROLL
      for (int r = 0; r < block_rows; ++r) {
        x[r] = vector_at(rows + (row_block + r * row_blocks) * layout.pitch, v);
      }
      STEEPEST_UNROLL
      for (int c = 0; c < block_columns; ++c) {
        const Vector<T> w =
            vector_at<T>(weights + (column_block + c * column_blocks) * layout.pitch, v);
        STEEPEST_UNROLL
        for (int i = 0; i < width; ++i) {
          STEEPEST_UNROLL
          for (int r = 0; r < block_rows; ++r) {
            sums[r][c] += x[r].at[i] * w.at[i];
          }
        }
      }
    }
    STEEPEST_UNROLL
    for (int r = 0; r < block_rows; ++r) {
      T* const out = row_scores(slice, row_block + r * row_blocks);
      STEEPEST_UNROLL
      for (int c = 0; c < block_columns; ++c) {
        out[column_block + c * column_blocks] = sums[r][c];
      }
    }
  }

  __device__ void add_partial_scores(int first) const {
    const int blocks = layout.rows / block_rows * column_blocks;
    for (int i = thread; i < blocks * layout.slices; i += threads) {
      const int block = i % blocks;
      add_slice(tile(first), i / blocks, block / column_blocks, block % column_blocks);
    }
  }

  __device__ void add_slices() const {
    for (int i = thread; i < layout.rows * columns; i += threads) {
      T* const score = row_scores(0, i / columns) + i % columns;
      T sum = *score;
      for (int s = 1; s < layout.slices; ++s) {
        const int at = s * layout.rows * layout.score_pitch;
        sum += score[at];
      }
      *score = sum;
    }
  }

  // Threads that stand side by side on rows for one model.
  [[nodiscard]] __device__ int row_threads() const { return threads / part.models; }

  // A thread a row and model. Its model is the same for every tile.
  __device__ void turn_into_residuals(int first, double& loss) const {
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

  __device__ void add_gradient(int first, Gradient& gradient) const {
    const T* const rows = tile(first);
    const int lane = thread % layout.feature_lanes;
    for (int r = thread / layout.feature_lanes; r < layout.rows;
         r += threads / layout.feature_lanes) {
      T x[features];
      STEEPEST_UNROLL
      for (int f = 0; f < features; ++f) {
        const int j = lane + f * layout.feature_lanes;
        x[f] = j < layout.pitch ? rows[r * layout.pitch + j] : T(0);
      }
      const T* const residuals = row_scores(0, r);
      STEEPEST_UNROLL
      for (int v = 0; v < columns / width; ++v) {
        const Vector<T> residual = vector_at(residuals, v);
        STEEPEST_UNROLL
        for (int i = 0; i < width; ++i) {
          STEEPEST_UNROLL
          for (int f = 0; f < features; ++f) {
            gradient[f][v * width + i] += residual.at[i] * x[f];
          }
        }
      }
    }
  }

  // `block_columns` columns from `first` on of a feature a thread, added over the groups of threads
  // that stood on rows in a fixed tree.
  __device__ void write_gradient(int f, int first, const Gradient& gradient) const {
    const int lane = thread % layout.feature_lanes;
    const int group = thread / layout.feature_lanes;
    T* const mine = tiles + thread;
    STEEPEST_UNROLL
    for (int c = 0; c < block_columns; ++c) {
      const int at = c * threads;
      mine[at] = gradient[f][first + c];
    }
    __syncthreads();
    for (int half = this->half_of(threads / layout.feature_lanes); half > 0; half /= 2) {
      for (int c = 0; c < block_columns && group < half; ++c) {
        const int at = c * threads;
        const int other = at + half * layout.feature_lanes;
        mine[at] += mine[other];
      }
      __syncthreads();
    }
    const std::int64_t j = lane + std::int64_t{f} * layout.feature_lanes;
    const bool writes = group == 0 && j < task.shape().stride();
    for (int c = 0; c < block_columns && writes && first + c < part.columns; ++c) {
      const int at = c * threads;
      this->gradient_of(first + c)[j] = mine[at];
    }
    __syncthreads();
  }

  // A thread a model adds what the threads of its rows found, in their order.
  __device__ void write_losses(double loss) const {
    this->shared.losses[thread] = loss;
    __syncthreads();
    if (thread < part.models) {
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

// A partition and group of models, by all threads of a block.
template <class T, int features, int columns>
__device__ void run_tiles(const TilePlace<T, features, columns>& at) {
  typename TilePlace<T, features, columns>::Gradient gradient = {};
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
    at.add_slices();
    __syncthreads();
    at.turn_into_residuals(first, loss);
    __syncthreads();
    at.add_gradient(first, gradient);
    __syncthreads();  // the next round asks for rows where these lie
  }
  STEEPEST_UNROLL
  for (int f = 0; f < features; ++f) {
    STEEPEST_UNROLL
    for (int c = 0; c < columns; c += block_columns) {
      at.write_gradient(f, c, gradient);
    }
  }
  at.write_losses(loss);
}

template <class T, int features, int columns>
__global__ void __launch_bounds__(threads, 1)
    tile_kernel(const __grid_constant__ FusedTask<T> task, TileLayout layout) {
  __shared__ std::int64_t row_of[most_partition_rows];
  __shared__ double losses[threads];
  for (std::int64_t index = blockIdx.x; index < task.chunk.partitions * task.groups();
       index += gridDim.x) {
    const FusedPart<T> part(task, index);
    run_tiles(TilePlace<T, features, columns>(task, part, {row_of, losses}, layout,
                                              launch_shared_memory()));
  }
}

template <class T, int features, int columns>
void queue(const FusedTask<T>& task, const TileShape& shape, cudaStream_t stream) {
  TileLayout layout;
  layout.rows = static_cast<int>(shape.rows);
  layout.pitch = static_cast<int>(shape.pitch);
  layout.score_pitch = static_cast<int>(shape.score_pitch);
  layout.slices = static_cast<int>(shape.slices);
  layout.feature_lanes = static_cast<int>(shape.feature_lanes);
  layout.tile_values = static_cast<int>(shape.tile_values);
  launch("reading rows once", tile_kernel<T, features, columns>,
         task.chunk.partitions * task.groups(), threads, LaunchShared{shape.shared_bytes}, stream,
         task, layout);
}

// Calls queue() for the kernel of a shape: those whose gradient a thread's registers hold.
template <class T, int features, int columns>
void queue_matching(const FusedTask<T>& task, const TileShape& shape, cudaStream_t stream) {
  if constexpr (std::int64_t{features} * columns * std::int64_t{sizeof(T)} <= tile_registers * 4) {
    if (shape.features == features && shape.columns == columns) {
      queue<T, features, columns>(task, shape, stream);
    }
  }
}

template <class T, int features>
void queue_of_columns(const FusedTask<T>& task, const TileShape& shape, cudaStream_t stream) {
  queue_matching<T, features, 8>(task, shape, stream);
  queue_matching<T, features, 12>(task, shape, stream);
  queue_matching<T, features, 16>(task, shape, stream);
  queue_matching<T, features, 32>(task, shape, stream);
}

}  // namespace

template <class T>
void queue_tile(const FusedTask<T>& task, cudaStream_t stream) {
  const TileShape shape =
      tile_shape(task.group_models * task.shape().outputs, task.data.pitch, sizeof(T));
  queue_of_columns<T, 1>(task, shape, stream);
  queue_of_columns<T, 2>(task, shape, stream);
  queue_of_columns<T, 4>(task, shape, stream);
  queue_of_columns<T, 8>(task, shape, stream);
}

template void queue_tile(const FusedTask<float>&, cudaStream_t);
template void queue_tile(const FusedTask<double>&, cudaStream_t);

}  // namespace steepest::kernels
