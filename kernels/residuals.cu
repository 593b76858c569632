// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <variant>

#include "kernels/for_each_index.cuh"
#include "kernels/launch.cuh"
#include "kernels/residuals.cuh"
#include "kernels/warp.cuh"

namespace steepest::kernels {
namespace {

constexpr int threads = 512;          // a power of two
constexpr int most_model_lanes = 32;  // a power of two

// Threads of a block that stand side by side on models: the smallest power of two that covers them.
int model_lanes(std::int64_t models) {
  int lanes = 1;
  while (lanes < most_model_lanes && lanes < models) {
    lanes *= 2;
  }
  return lanes;
}

// One thread's share of a partition: every `step`-th row from begin. Returns the sum of its losses.
template <class Loss, class T>
STEEPEST_HD double column_residuals(const Loss& loss, const RowTargets<T>& targets,
                                    const RowChunk& chunk, const BankShape& shape,
                                    std::int64_t model, std::int64_t begin, std::int64_t end,
                                    std::int64_t step, T* scores) {
  double sum = 0.0;
  for (std::int64_t r = begin; r < end; r += step) {
    T* row = scores + r * shape.columns() + model * shape.outputs;
    if (r < chunk.rows) {
      sum += row_residuals(loss, targets, r, shape.outputs, row);
    } else {
      for (std::int64_t o = 0; o < shape.outputs; ++o) {
        row[o] = T(0);
      }
    }
  }
  return sum;
}

// A task is one partition and `lanes` models. Thread t takes model t % lanes of them, and rows
// t / lanes, t / lanes + threads / lanes, ... of the partition.
template <class Loss, class T>
__global__ void __launch_bounds__(threads)
    residuals_kernel(Loss loss, RowTargets<T> targets, RowChunk chunk, BankShape shape, int lanes,
                     T* scores, double* loss_sums) {
  __shared__ double sums[threads];
  const int thread = static_cast<int>(threadIdx.x);
  const std::int64_t groups = (shape.models + lanes - 1) / lanes;
  for (std::int64_t task = blockIdx.x; task < chunk.partitions * groups; task += gridDim.x) {
    const std::int64_t partition = task / groups;
    const std::int64_t model = task % groups * lanes + thread % lanes;
    const std::int64_t begin = partition * chunk.partition_rows;
    const std::int64_t end = begin + chunk.partition_rows;
    sums[thread] = model < shape.models
                       ? column_residuals(loss, targets, chunk, shape, model,
                                          begin + thread / lanes, end, threads / lanes, scores)
                       : 0.0;
    __syncthreads();
    for (int half = threads / 2; half >= lanes; half /= 2) {
      if (thread < half) {
        sums[thread] += sums[thread + half];
      }
      __syncthreads();
    }
    if (thread < lanes && model < shape.models) {
      loss_sums[partition * shape.models + model] = sums[thread];
    }
    __syncthreads();  // the next task writes sums
  }
}

constexpr int wide_threads = 256;
constexpr int wide_warps = wide_threads / warp_lanes;

template <class T>
__device__ T warp_sum(T value) {
  return warp_combined(value, [](T a, T b) { return a + b; });
}

// residual_in_place of a row by a warp, for losses that are sums over the outputs: each lane takes
// every so many-th of them. Every lane gets the loss.
template <class Loss, class T>
__device__ T warp_residuals(const Loss& loss, T* scores, std::int64_t outputs,
                            const RowTarget<T>& target, T weight) {
  T sum = 0;
  for (std::int64_t o = threadIdx.x % warp_lanes; o < outputs; o += warp_lanes) {
    RowTarget<T> one = target;
    if constexpr (takes_values<Loss>) {
      one.values += o;
    }
    sum += loss.residual_in_place(scores + o, 1, one, weight);
  }
  return warp_sum(sum);
}

// As above, by the formulas of SoftmaxLoss::residual_in_place.
template <class T>
__device__ T warp_residuals(const SoftmaxLoss& loss, T* scores, std::int64_t classes,
                            const RowTarget<T>& target, T weight) {
  const std::int64_t lane = threadIdx.x % warp_lanes;
  const T of_label = scores[target.label];
  T largest = scores[0];
  for (std::int64_t c = lane; c < classes; c += warp_lanes) {
    largest = scores[c] > largest ? scores[c] : largest;
  }
  largest = warp_combined(largest, [](T a, T b) { return a > b ? a : b; });
  const T spread = static_cast<T>(loss.smoothing) / static_cast<T>(classes);
  const T own = T(1) - static_cast<T>(loss.smoothing);
  T gap = largest - of_label;
  if (loss.smoothing > 0.0) {
    T gaps = 0;
    for (std::int64_t c = lane; c < classes; c += warp_lanes) {
      gaps += largest - scores[c];
    }
    gap = own * gap + spread * warp_sum(gaps);
  }
  __syncwarp();  // all have read the score of the label
  T total = 0;
  for (std::int64_t c = lane; c < classes; c += warp_lanes) {
    scores[c] = std::exp(scores[c] - largest);
    total += scores[c];
  }
  total = warp_sum(total);
  const T scale = weight / total;
  for (std::int64_t c = lane; c < classes; c += warp_lanes) {
    scores[c] = scores[c] * scale - weight * (c == target.label ? spread + own : spread);
  }
  return weight * (std::log(total) + gap);
}

// A task is a slice of a partition under one model, a warp a row. slice_sums is (partitions,
// loss_slices, models).
template <class Loss, class T>
__global__ void __launch_bounds__(wide_threads)
    wide_residuals_kernel(Loss loss, RowTargets<T> targets, RowChunk chunk, BankShape shape,
                          T* scores, double* slice_sums) {
  __shared__ double sums[wide_warps];
  const int warp = static_cast<int>(threadIdx.x) / warp_lanes;
  const int lane = static_cast<int>(threadIdx.x) % warp_lanes;
  const std::int64_t slice_rows = (chunk.partition_rows + loss_slices - 1) / loss_slices;
  for (std::int64_t task = blockIdx.x; task < chunk.partitions * loss_slices * shape.models;
       task += gridDim.x) {
    const std::int64_t model = task % shape.models;
    const std::int64_t slice = task / shape.models % loss_slices;
    const std::int64_t partition = task / shape.models / loss_slices;
    const std::int64_t end_of_partition = (partition + 1) * chunk.partition_rows;
    const std::int64_t begin = partition * chunk.partition_rows + slice * slice_rows;
    const std::int64_t end =
        begin + slice_rows < end_of_partition ? begin + slice_rows : end_of_partition;
    double sum = 0.0;
    for (std::int64_t r = begin + warp; r < end; r += wide_warps) {
      T* const row = scores + r * shape.columns() + model * shape.outputs;
      if (r < chunk.rows) {
        const std::int64_t i = targets.row_of(r);
        sum += static_cast<double>(warp_residuals(loss, row, shape.outputs,
                                                  target_of<Loss>(targets, i, shape.outputs),
                                                  targets.weight_of(i)));
      } else {
        for (std::int64_t o = lane; o < shape.outputs; o += warp_lanes) {
          row[o] = T(0);
        }
      }
    }
    if (lane == 0) {
      sums[warp] = sum;
    }
    __syncthreads();
    if (threadIdx.x == 0) {
      double total = 0.0;
      for (const double of_warp : sums) {
        total += of_warp;
      }
      slice_sums[task] = total;
    }
    __syncthreads();  // the next task writes sums
  }
}

// The loss of a partition and model.
struct AddSlices {
  std::int64_t models;
  const double* slice_sums;
  double* loss_sums;

  STEEPEST_HD void operator()(std::int64_t i) const {
    const double* const first = slice_sums + i / models * loss_slices * models + i % models;
    double total = 0.0;
    for (std::int64_t s = 0; s < loss_slices; ++s) {
      total += first[s * models];
    }
    loss_sums[i] = total;
  }
};

template <class T>
void queue_wide_residuals(const PassLoss& loss, const RowTargets<T>& targets, const RowChunk& chunk,
                          const BankShape& shape, cudaStream_t stream, T* scores,
                          double* loss_sums) {
  const std::int64_t sums = chunk.partitions * shape.models;
  double* const slice_sums = loss_sums + sums;
  std::visit(
      [&](auto chosen) {
        launch("computing residuals", wide_residuals_kernel<decltype(chosen), T>,
               sums * loss_slices, wide_threads, stream, chosen, targets, chunk, shape, scores,
               slice_sums);
      },
      loss);
  for_each_index("adding up losses", sums, stream, AddSlices{shape.models, slice_sums, loss_sums});
}

}  // namespace

template <class T>
void queue_residuals(const PassLoss& loss, const RowTargets<T>& targets, const RowChunk& chunk,
                     const BankShape& shape, cudaStream_t stream, T* scores, double* loss_sums) {
  if (shape.outputs > most_outputs_of_a_thread) {
    queue_wide_residuals(loss, targets, chunk, shape, stream, scores, loss_sums);
    return;
  }
  const int lanes = model_lanes(shape.models);
  const std::int64_t groups = (shape.models + lanes - 1) / lanes;
  std::visit(
      [&](auto chosen) {
        launch("computing residuals", residuals_kernel<decltype(chosen), T>,
               chunk.partitions * groups, threads, stream, chosen, targets, chunk, shape, lanes,
               scores, loss_sums);
      },
      loss);
}

template void queue_residuals(const PassLoss&, const RowTargets<float>&, const RowChunk&,
                              const BankShape&, cudaStream_t, float*, double*);
template void queue_residuals(const PassLoss&, const RowTargets<double>&, const RowChunk&,
                              const BankShape&, cudaStream_t, double*, double*);

}  // namespace steepest::kernels
