// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>

#include "kernels/fused_rows.cuh"
#include "kernels/fused_tensor.cuh"
#include "kernels/launch.cuh"
#include "kernels/shared_memory.cuh"
#include "kernels/tensor_shape.hpp"
#include "kernels/unroll.cuh"
#include "kernels/warp.cuh"
#include "kernels/warp_product.cuh"

namespace steepest::kernels {
namespace {

constexpr int warps = static_cast<int>(tensor_warps);
constexpr int block_features = static_cast<int>(tensor_block_features);
static_assert(warps * warp_lanes == tile_threads);
static_assert(block_features == product_rows && tensor_block_columns == product_columns);

struct TensorLayout {
  RowsLayout rows;
  int all_blocks = 0;    // of features, of all ranks
  int blocks = 0;        // of a rank
  int weight_pitch = 0;  // words of a column
};

// A warp takes blocks warp, warp + warps, ... of the features, `held` at most: for the scores, of
// which it adds up a slice, and for their gradient, which it keeps. Both products are sums over
// words of `numbers` numbers (see warp_product.cuh); which feature, or row, a word holds is free,
// so that they are taken in an order in which the lanes of a warp read from different banks.
template <int numbers, int held, int column_blocks>
struct TensorPlace : FusedRows<float, true> {
  static constexpr int columns = column_blocks * product_columns;
  static constexpr int step = product_words * numbers;  // features or rows of a product
  static constexpr int half = product_words / 2;        // words
  using Gradient = float[held][column_blocks][4];

  std::uint32_t* weights;  // (columns, weight_pitch): words
  int blocks;
  int weight_pitch;
  int warp;
  int row;   // of A, or column of B, that this lane's words lie in
  int word;  // of its first

  __device__ TensorPlace(const FusedTask<float>& whole, const FusedPart<float>& mine,
                         const BlockShared& beside, const TensorLayout& lies, unsigned char* memory)
      : FusedRows<float, true>(
            whole, mine, beside, lies.rows,
            reinterpret_cast<float*>(memory) + std::ptrdiff_t{columns} * lies.weight_pitch),
        weights(reinterpret_cast<std::uint32_t*>(memory)),
        blocks(lies.blocks),
        weight_pitch(lies.weight_pitch),
        warp(thread / warp_lanes),
        row(thread % warp_lanes / half),
        word(thread % half) {
    if (shares()) {
      rank = cluster_rank();
      const int before = rank * lies.blocks;
      const int left = lies.all_blocks > before ? lies.all_blocks - before : 0;
      blocks = left < lies.blocks ? left : lies.blocks;
      first_value = before * block_features;
    }
  }

  // The first feature of word `w` of a step; another one lies `half` behind it.
  [[nodiscard]] __device__ static int feature_of(int w) {
    return w / half * half * numbers + w % half;
  }

  // The first row of word `w` of a step; another one lies next to it.
  [[nodiscard]] __device__ static int row_of_word(int w) {
    return w % half * 2 + w / half * (numbers == 1 ? 1 : product_words);
  }

  __device__ void load_weights() const {
    const BankShape& bank = task.shape();
    const int words = blocks * (block_features / numbers);
    for (int c = 0; c < columns; ++c) {
      const bool exists = c < part.columns;
      const double* const from =
          task.parameters.of(part.first_model + (exists ? c / bank.outputs : 0)) +
          c % bank.outputs * bank.stride();
      for (int i = thread; i < words; i += threads) {
        const int j = i / product_words * step + feature_of(i % product_words);
        float pair[2] = {};
        for (int n = 0; n < numbers; ++n) {
          const int feature = first_value + j + n * half;
          pair[n] = exists && feature < bank.stride() ? static_cast<float>(from[feature]) : 0.0F;
        }
        weights[c * weight_pitch + i] = rounded_word<numbers>(pair, 1);
      }
    }
  }

  // This warp's slice of the scores of 16 rows, of which `high` says whether the last 8 are there.
  __device__ void add_slice(const float* rows, bool high, float (&sums)[column_blocks][4]) const {
    for (int block = warp; block < blocks; block += warps) {
      STEEPEST_UNROLL
      for (int s = 0; s < block_features / step; ++s) {
        const float* const x = rows + row * layout.pitch + block * block_features + s * step;
        const float* const below = x + product_columns * layout.pitch;
        const int first = feature_of(word);
        const int second = feature_of(word + half);
        const std::uint32_t a[4] = {rounded_word<numbers>(x + first, half),
                                    high ? rounded_word<numbers>(below + first, half) : 0U,
                                    rounded_word<numbers>(x + second, half),
                                    high ? rounded_word<numbers>(below + second, half) : 0U};
        const int first_word =
            row * weight_pitch + block * (block_features / numbers) + s * product_words + word;
        const std::uint32_t* const w = weights + first_word;
        STEEPEST_UNROLL
        for (int c = 0; c < column_blocks; ++c) {
          const int at = c * product_columns * weight_pitch;
          multiply_add<numbers>(sums[c], a, {w[at], w[at + half]});
        }
      }
    }
  }

  __device__ void add_partial_scores(int first) const {
    if (warp >= layout.slices) {
      return;
    }
    for (int top = 0; top < layout.rows; top += product_rows) {
      const bool high = top + product_columns < layout.rows;
      float sums[column_blocks][4] = {};
      add_slice(tile(first) + top * layout.pitch, high, sums);
      STEEPEST_UNROLL
      for (int c = 0; c < column_blocks; ++c) {
        STEEPEST_UNROLL
        for (int i = 0; i < 4; ++i) {
          if (i < 2 || high) {
            const int r = top + row + i / 2 * product_columns;
            row_scores(warp, r)[c * product_columns + 2 * word + i % 2] = sums[c][i];
          }
        }
      }
    }
  }

  // What `step` rows from `top` on add to this warp's part of the gradient; `high` as above.
  __device__ void add_rows(const float* rows, int top, bool high, Gradient& gradient) const {
    const int first = top + row_of_word(word);
    const int second = top + row_of_word(word + half);
    std::uint32_t b[column_blocks][2];
    STEEPEST_UNROLL
    for (int c = 0; c < column_blocks; ++c) {
      const int column = c * product_columns + row;
      b[c][0] = rounded_word<numbers>(row_scores(0, first) + column, layout.score_pitch);
      b[c][1] =
          high ? rounded_word<numbers>(row_scores(0, second) + column, layout.score_pitch) : 0U;
    }
    STEEPEST_UNROLL
    for (int h = 0; h < held; ++h) {
      const int block = h * warps + warp;
      if (block < blocks) {
        const int feature = block * block_features + row;
        const float* const x = rows + feature;
        const float* const one = x + first * layout.pitch;
        const float* const other = x + second * layout.pitch;
        const std::uint32_t a[4] = {
            rounded_word<numbers>(one, layout.pitch),
            rounded_word<numbers>(one + product_columns, layout.pitch),
            high ? rounded_word<numbers>(other, layout.pitch) : 0U,
            high ? rounded_word<numbers>(other + product_columns, layout.pitch) : 0U};
        STEEPEST_UNROLL
        for (int c = 0; c < column_blocks; ++c) {
          multiply_add<numbers>(gradient[h][c], a, b[c]);
        }
      }
    }
  }

  __device__ void add_gradient(int first, Gradient& gradient) const {
    for (int top = 0; top < layout.rows; top += step) {
      add_rows(tile(first), top, numbers == 1 || top + product_words < layout.rows, gradient);
    }
  }

  __device__ void write_gradient(const Gradient& gradient) const {
    STEEPEST_UNROLL
    for (int h = 0; h < held; ++h) {
      STEEPEST_UNROLL
      for (int c = 0; c < column_blocks; ++c) {
        STEEPEST_UNROLL
        for (int i = 0; i < 4; ++i) {
          const int block = h * warps + warp;
          const std::int64_t j =
              first_value + block * block_features + row + i / 2 * product_columns;
          const int column = c * product_columns + 2 * word + i % 2;
          if (block < blocks && j < task.shape().stride() && column < part.columns) {
            gradient_of(column)[j] = gradient[h][c][i];
          }
        }
      }
    }
  }
};

template <int numbers, int held, int column_blocks>
__global__ void __launch_bounds__(tile_threads, 1)
    tensor_kernel(const __grid_constant__ FusedTask<float> task, TensorLayout layout) {
  __shared__ std::int64_t row_of[most_partition_rows];
  __shared__ double losses[tile_threads];
  const int ranks = layout.rows.ranks;
  for (std::int64_t index = static_cast<int>(blockIdx.x) / ranks;
       index < task.chunk.partitions * task.groups();
       index += static_cast<int>(gridDim.x) / ranks) {
    const FusedPart<float> part(task, index);
    walk_tiles(TensorPlace<numbers, held, column_blocks>(task, part, {row_of, losses}, layout,
                                                         launch_shared_memory()));
  }
}

template <int numbers, int held, int column_blocks>
void queue(const FusedTask<float>& task, const TensorShape& shape, cudaStream_t stream) {
  TensorLayout layout;
  layout.rows.rows = static_cast<int>(shape.rows);
  layout.rows.pitch = static_cast<int>(shape.pitch);
  layout.rows.score_pitch = static_cast<int>(shape.score_pitch);
  layout.rows.slices = static_cast<int>(shape.slices);
  layout.rows.tile_values = static_cast<int>(2 * shape.rows * shape.pitch);
  layout.rows.ranks = static_cast<int>(shape.ranks);
  layout.all_blocks =
      static_cast<int>((task.shape().stride() + block_features - 1) / block_features);
  layout.blocks = static_cast<int>(shape.blocks);
  layout.weight_pitch = static_cast<int>(shape.weight_pitch);
  launch("reading rows once", tensor_kernel<numbers, held, column_blocks>,
         task.chunk.partitions * task.groups(), tile_threads,
         LaunchShared{shape.shared_bytes, shape.ranks}, stream, task, layout);
}

// Calls queue() for the kernel of a shape: those whose gradient a warp's registers hold.
template <int numbers, int held, int column_blocks>
void queue_matching(const FusedTask<float>& task, const TensorShape& shape, cudaStream_t stream) {
  if constexpr (std::int64_t{held} * column_blocks <= tensor_blocks) {
    constexpr int columns = column_blocks * product_columns;
    if (shape.held == held && shape.columns == columns) {
      queue<numbers, held, column_blocks>(task, shape, stream);
    }
  }
}

template <int numbers, int held>
void queue_of_columns(const FusedTask<float>& task, const TensorShape& shape, cudaStream_t stream) {
  queue_matching<numbers, held, 1>(task, shape, stream);
  queue_matching<numbers, held, 2>(task, shape, stream);
  queue_matching<numbers, held, 4>(task, shape, stream);
}

template <int numbers>
void queue_of_features(const FusedTask<float>& task, const TensorShape& shape,
                       cudaStream_t stream) {
  queue_of_columns<numbers, 2>(task, shape, stream);
  queue_of_columns<numbers, 8>(task, shape, stream);
  queue_of_columns<numbers, 16>(task, shape, stream);
  queue_of_columns<numbers, 32>(task, shape, stream);
}

}  // namespace

void queue_tensor(const FusedTask<float>& task, Rounding rounding, cudaStream_t stream) {
  const TensorShape shape =
      tensor_shape(task.group_models * task.shape().outputs, task.shape().stride(), rounding);
  if (rounding == Rounding::tf32) {
    queue_of_features<1>(task, shape, stream);
  } else {
    queue_of_features<2>(task, shape, stream);
  }
}

}  // namespace steepest::kernels
