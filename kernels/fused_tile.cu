// SPDX-License-Identifier: Apache-2.0
#include "kernels/fused_rows.cuh"
#include "kernels/fused_tile.cuh"
#include "kernels/launch.cuh"
#include "kernels/shared_memory.cuh"
#include "kernels/unroll.cuh"

namespace steepest::kernels {
namespace {

constexpr int threads = tile_threads;
constexpr int block_rows = static_cast<int>(tile_block_rows);
constexpr int block_columns = static_cast<int>(tile_block_columns);

struct TileLayout {
  RowsLayout rows;
  int feature_lanes = 0;  // threads side by side on features in the gradient
};

// Scores: a thread takes `block_rows` rows and `block_columns` columns of a tile, far apart, and a
// slice of the features. Gradient: `feature_lanes` threads stand side by side, each on `features`
// features that far apart and all columns, threads / feature_lanes such groups on rows.
template <class T, int features, int kernel_columns>
struct TilePlace : FusedRows<T, false> {
  static constexpr int columns = kernel_columns;
  static constexpr int column_blocks = columns / block_columns;
  using Gradient = T[features][columns];
  using FusedRows<T, false>::width;
  using FusedRows<T, false>::task;
  using FusedRows<T, false>::part;
  using FusedRows<T, false>::thread;
  using FusedRows<T, false>::layout;
  using FusedRows<T, false>::tile;
  using FusedRows<T, false>::tiles;
  using FusedRows<T, false>::row_scores;

  T* weights;  // (columns, pitch)
  int feature_lanes;

  __device__ TilePlace(const FusedTask<T>& whole, const FusedPart<T>& mine,
                       const BlockShared& beside, const TileLayout& lies, unsigned char* memory)
      : FusedRows<T, false>(whole, mine, beside, lies.rows,
                            reinterpret_cast<T*>(memory) + columns * lies.rows.pitch),
        weights(reinterpret_cast<T*>(memory)),
        feature_lanes(lies.feature_lanes) {}

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

  __device__ void add_gradient(int first, Gradient& gradient) const {
    const T* const rows = tile(first);
    const int lane = thread % feature_lanes;
    for (int r = thread / feature_lanes; r < layout.rows; r += threads / feature_lanes) {
      T x[features];
      STEEPEST_UNROLL
      for (int f = 0; f < features; ++f) {
        const int j = lane + f * feature_lanes;
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
  __device__ void write_columns(int f, int first, const Gradient& gradient) const {
    const int lane = thread % feature_lanes;
    const int group = thread / feature_lanes;
    T* const mine = tiles + thread;
    STEEPEST_UNROLL
    for (int c = 0; c < block_columns; ++c) {
      const int at = c * threads;
      mine[at] = gradient[f][first + c];
    }
    __syncthreads();
    for (int half = this->half_of(threads / feature_lanes); half > 0; half /= 2) {
      for (int c = 0; c < block_columns && group < half; ++c) {
        const int at = c * threads;
        const int other = at + half * feature_lanes;
        mine[at] += mine[other];
      }
      __syncthreads();
    }
    const std::int64_t j = lane + std::int64_t{f} * feature_lanes;
    const bool writes = group == 0 && j < task.shape().stride();
    for (int c = 0; c < block_columns && writes && first + c < part.columns; ++c) {
      const int at = c * threads;
      this->gradient_of(first + c)[j] = mine[at];
    }
    __syncthreads();
  }

  __device__ void write_gradient(const Gradient& gradient) const {
    STEEPEST_UNROLL
    for (int f = 0; f < features; ++f) {
      STEEPEST_UNROLL
      for (int c = 0; c < columns; c += block_columns) {
        write_columns(f, c, gradient);
      }
    }
  }
};

template <class T, int features, int columns>
__global__ void __launch_bounds__(threads, 1)
    tile_kernel(const __grid_constant__ FusedTask<T> task, TileLayout layout) {
  __shared__ std::int64_t row_of[most_partition_rows];
  __shared__ double losses[threads];
  for (std::int64_t index = blockIdx.x; index < task.chunk.partitions * task.groups();
       index += gridDim.x) {
    const FusedPart<T> part(task, index);
    walk_tiles(TilePlace<T, features, columns>(task, part, {row_of, losses}, layout,
                                               launch_shared_memory()));
  }
}

template <class T, int features, int columns>
void queue(const FusedTask<T>& task, const TileShape& shape, cudaStream_t stream) {
  TileLayout layout;
  layout.rows.rows = static_cast<int>(shape.rows);
  layout.rows.pitch = static_cast<int>(shape.pitch);
  layout.rows.score_pitch = static_cast<int>(shape.score_pitch);
  layout.rows.slices = static_cast<int>(shape.slices);
  layout.feature_lanes = static_cast<int>(shape.feature_lanes);
  layout.rows.tile_values = static_cast<int>(shape.tile_values);
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
