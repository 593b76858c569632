// SPDX-License-Identifier: Apache-2.0
#include <type_traits>

#include "kernels/fused_block.cuh"
#include "kernels/fused_shape.hpp"
#include "kernels/fused_strip.cuh"
#include "kernels/launch.cuh"
#include "kernels/unroll.cuh"

namespace steepest::kernels {
namespace {

constexpr int threads = strip_threads;
constexpr int most_slices = 16;  // that a score's sum over lanes is cut into first
constexpr int most_columns = static_cast<int>(strip_columns);

// `lanes` threads stand side by side on the features of a row, threads / lanes such groups on rows.
// A thread holds `vectors` vectors of each of its `rows` rows: 16 bytes each, `lanes` apart.
template <class T, int vectors, int columns>
struct StripShape {
  static constexpr int width = Vector<T>::width;
  static constexpr int values = vectors * width;
  static constexpr int rows = static_cast<int>(strip_vectors) / vectors;
  // Of a multiprocessor: its registers hold two where a thread's arrays are short.
  static constexpr bool is_short = sizeof(T) == sizeof(float) && columns < most_columns;
  static constexpr int blocks = is_short && vectors * columns <= 4 ? 2 : 1;
  static constexpr int partial_size = threads * columns * (rows > width ? rows : width);
};

// Where a thread stands, and what its block works on. Arrays are kept apart from it, in registers.
template <class T, int vectors, int columns>
struct StripPlace : FusedBlock<T, threads> {
  using Shape = StripShape<T, vectors, columns>;
  using Rows = T[Shape::rows][Shape::values];
  using Columns = T[columns][Shape::values];
  using FusedBlock<T, threads>::task;
  using FusedBlock<T, threads>::part;
  using FusedBlock<T, threads>::shared;
  using FusedBlock<T, threads>::thread;
  using FusedBlock<T, threads>::row_at;

  T* partials;  // partial sums of scores: (row, lane, column), later residuals in lane 0
  int lanes;
  int lane;
  int row_lane;
  int round_rows;  // that the block takes at a time

  __device__ StripPlace(const FusedTask<T>& whole, const FusedPart<T>& mine,
                        const BlockShared& memory, int row_threads, T* partial_scores)
      : FusedBlock<T, threads>(whole, mine, memory),
        partials(partial_scores),
        lanes(row_threads),
        lane(static_cast<int>(threadIdx.x) % row_threads),
        row_lane(static_cast<int>(threadIdx.x) / row_threads),
        round_rows(threads / row_threads * Shape::rows) {}

  [[nodiscard]] __device__ std::int64_t row_vectors() const {
    return task.data.pitch / Shape::width;
  }

  // Row of a round that a thread's row `r` is.
  [[nodiscard]] __device__ int row_of_round(int r) const {
    return r * (threads / lanes) + row_lane;
  }

  // Vector of a row that a thread's vector `v` is.
  [[nodiscard]] __device__ std::int64_t vector_of_row(int v) const {
    return lane + std::int64_t{lanes} * v;
  }

  // Partial scores of a row and lane: `columns` of them.
  [[nodiscard]] __device__ T* partial(int row, int at_lane) const {
    return partials + (row * lanes + at_lane) * columns;
  }

  __device__ void load_weights(Columns& weights) const {
    const BankShape& bank = task.shape();
    STEEPEST_UNROLL
    for (int c = 0; c < columns; ++c) {
      const bool exists = c < part.columns;
      const double* const from =
          task.parameters.of(part.first_model + (exists ? c / bank.outputs : 0)) +
          c % bank.outputs * bank.stride();
      STEEPEST_UNROLL
      for (int e = 0; e < Shape::values; ++e) {
        const std::int64_t j = vector_of_row(e / Shape::width) * Shape::width + e % Shape::width;
        weights[c][e] = exists && j < bank.stride() ? static_cast<T>(from[j]) : T(0);
      }
    }
  }

  // The thread's rows of the round that begins at row `first`; rows past the end are 0.
  __device__ void load(int first, Rows& to) const {
    STEEPEST_UNROLL
    for (int r = 0; r < Shape::rows; ++r) {
      const int row = first + row_of_round(r);
      const bool exists = row < part.rows;
      const std::int64_t from = exists ? row_at(row) : 0;
      STEEPEST_UNROLL
      for (int v = 0; v < vectors; ++v) {
        const std::int64_t place = vector_of_row(v);
        Vector<T> loaded{};
        if (exists && place < row_vectors()) {
          loaded = this->vector_of(from, place);
        }
        STEEPEST_UNROLL
        for (int i = 0; i < Shape::width; ++i) {
          to[r][v * Shape::width + i] = loaded.at[i];
        }
      }
    }
  }

  __device__ void add_partial_scores(const Rows& rows, const Columns& weights) const {
    STEEPEST_UNROLL
    for (int r = 0; r < Shape::rows; ++r) {
      T* const to = partial(row_of_round(r), lane);
      STEEPEST_UNROLL
      for (int c = 0; c < columns; ++c) {
        T sum = T(0);
        STEEPEST_UNROLL
        for (int e = 0; e < Shape::values; ++e) {
          sum += rows[r][e] * weights[c][e];
        }
        to[c] = sum;
      }
    }
  }

  // Lanes s, s + 16, ... of every score meet in lane s.
  __device__ void add_slices() const {
    for (int i = thread; i < round_rows * most_slices * columns; i += threads) {
      const int slice = i / columns % most_slices;
      T* const to = partial(i / (most_slices * columns), slice) + i % columns;
      T sum = *to;
      for (int from = most_slices; slice + from < lanes; from += most_slices) {
        const int at = from * columns;
        sum += to[at];
      }
      *to = sum;
    }
  }

  // A thread a row: its scores, of the slices that are left, become its residuals.
  __device__ void turn_into_residuals(int first, double (&losses)[columns]) const {
    const int slices = lanes < most_slices ? lanes : most_slices;
    for (int q = thread; q < round_rows; q += threads) {
      T* const scores = partial(q, 0);
      const bool exists = first + q < part.rows;
      STEEPEST_UNROLL
      for (int c = 0; c < columns; ++c) {
        T sum = scores[c];
        for (int s = 1; s < slices; ++s) {
          sum += scores[s * columns + c];
        }
        scores[c] = exists ? sum : T(0);
      }
      for (int m = 0; exists && m < part.models; ++m) {
        const double loss = model_residuals(task, row_at(first + q), m, scores);
        STEEPEST_UNROLL
        for (int k = 0; k < columns; ++k) {  // registers have no index
          losses[k] += k == m ? loss : 0.0;
        }
      }
    }
  }

  __device__ void add_gradient(const Rows& rows, Columns& gradient) const {
    STEEPEST_UNROLL
    for (int r = 0; r < Shape::rows; ++r) {
      const T* const residuals = partial(row_of_round(r), 0);
      STEEPEST_UNROLL
      for (int c = 0; c < columns; ++c) {
        const T residual = residuals[c];
        STEEPEST_UNROLL
        for (int e = 0; e < Shape::values; ++e) {
          gradient[c][e] += residual * rows[r][e];
        }
      }
    }
  }

  // Vector `v` of every column, added over the row lanes in a fixed tree.
  __device__ void write_gradient(int v, const Columns& gradient) const {
    constexpr int column_size = threads * Shape::width;
    T* const mine = partials + thread * Shape::width;
    STEEPEST_UNROLL
    for (int c = 0; c < columns; ++c) {
      STEEPEST_UNROLL
      for (int i = 0; i < Shape::width; ++i) {
        mine[c * column_size + i] = gradient[c][v * Shape::width + i];
      }
    }
    __syncthreads();
    for (int half = this->half_of(threads / lanes); half > 0; half /= 2) {
      for (int c = 0; c < columns && row_lane < half; ++c) {
        STEEPEST_UNROLL
        for (int i = 0; i < Shape::width; ++i) {
          mine[c * column_size + i] += mine[c * column_size + half * lanes * Shape::width + i];
        }
      }
      __syncthreads();
    }
    const std::int64_t place = vector_of_row(v);
    for (int c = 0; c < part.columns && row_lane == 0 && place < row_vectors(); ++c) {
      T* const out = this->gradient_of(c) + place * Shape::width;
      STEEPEST_UNROLL
      for (int i = 0; i < Shape::width; ++i) {
        out[i] = mine[c * column_size + i];
      }
    }
    __syncthreads();
  }

  // The losses of every model, added over the threads in a fixed tree.
  __device__ void write_losses(const double (&losses)[columns]) const {
    STEEPEST_UNROLL
    for (int m = 0; m < columns; ++m) {
      shared.losses[m * threads + thread] = losses[m];
    }
    __syncthreads();
    for (int half = this->half_of(threads); half > 0; half /= 2) {
      for (int m = 0; m < part.models && thread < half; ++m) {
        shared.losses[m * threads + thread] += shared.losses[m * threads + thread + half];
      }
      __syncthreads();
    }
    if (thread < part.models) {
      this->loss_of(thread) = shared.losses[thread * threads];
    }
    __syncthreads();
  }
};

// A partition and group of models, by all threads of a block. Rows come a round at a time; those of
// the next are on their way while a round is worked on.
template <class T, int vectors, int columns>
__device__ void run_strip(const StripPlace<T, vectors, columns>& at) {
  using Place = StripPlace<T, vectors, columns>;
  typename Place::Columns weights;
  typename Place::Columns gradient{};
  typename Place::Rows rows;
  typename Place::Rows next;
  double losses[columns] = {};
  at.find_rows();
  at.load_weights(weights);
  at.load(0, rows);
  for (int first = 0; first < at.part.rows; first += at.round_rows) {
    at.add_partial_scores(rows, weights);
    at.load(first + at.round_rows, next);
    __syncthreads();
    if (at.lanes > most_slices) {
      at.add_slices();
      __syncthreads();
    }
    at.turn_into_residuals(first, losses);
    __syncthreads();
    at.add_gradient(rows, gradient);
    __syncthreads();  // the next round writes partial
    STEEPEST_UNROLL
    for (int r = 0; r < Place::Shape::rows; ++r) {
      STEEPEST_UNROLL
      for (int e = 0; e < Place::Shape::values; ++e) {
        rows[r][e] = next[r][e];
      }
    }
  }
  STEEPEST_UNROLL
  for (int v = 0; v < vectors; ++v) {
    at.write_gradient(v, gradient);
  }
  at.write_losses(losses);
}

template <class T, int vectors, int columns>
__global__ void __launch_bounds__(threads, StripShape<T, vectors, columns>::blocks)
    strip_kernel(const __grid_constant__ FusedTask<T> task, int lanes) {
  alignas(vector_bytes) __shared__ T partial[StripShape<T, vectors, columns>::partial_size];
  __shared__ std::int64_t row_of[most_partition_rows];
  __shared__ double losses[threads * columns];
  for (std::int64_t index = blockIdx.x; index < task.chunk.partitions * task.groups();
       index += gridDim.x) {
    const FusedPart<T> part(task, index);
    run_strip(StripPlace<T, vectors, columns>(task, part, {row_of, losses}, lanes, partial));
  }
}

// Calls with the smallest power of two from `least` to `most` that is `value` or more.
template <int least, int most, class Call>
void with_power_of_two(std::int64_t value, const Call& call) {
  if constexpr (least < most) {
    if (value > least) {
      with_power_of_two<2 * least, most>(value, call);
      return;
    }
  }
  call(std::integral_constant<int, least>());
}

}  // namespace

template <class T>
void queue_strip(const FusedTask<T>& task, cudaStream_t stream) {
  const std::int64_t row_vectors = task.data.pitch / Vector<T>::width;
  const std::int64_t columns = task.group_models * task.shape().outputs;
  with_power_of_two<1, static_cast<int>(strip_vectors)>(
      (row_vectors + threads - 1) / threads, [&](auto vectors) {
        int lanes = 1;
        while (lanes * decltype(vectors)::value < row_vectors) {
          lanes *= 2;
        }
        with_power_of_two<1, most_columns>(columns, [&](auto most) {
          constexpr int held = decltype(vectors)::value;
          constexpr int wide = decltype(most)::value;
          if constexpr (strip_registers_hold(held, wide, sizeof(T))) {
            launch("reading rows once", strip_kernel<T, held, wide>,
                   task.chunk.partitions * task.groups(), threads, stream, task, lanes);
          }
        });
      });
}

template void queue_strip(const FusedTask<float>&, cudaStream_t);
template void queue_strip(const FusedTask<double>&, cudaStream_t);

}  // namespace steepest::kernels
