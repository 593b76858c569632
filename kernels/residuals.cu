// SPDX-License-Identifier: Apache-2.0
#include <variant>

#include "kernels/launch.cuh"
#include "kernels/residuals.cuh"

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

}  // namespace

template <class T>
void queue_residuals(const PassLoss& loss, const RowTargets<T>& targets, const RowChunk& chunk,
                     const BankShape& shape, cudaStream_t stream, T* scores, double* loss_sums) {
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
