// SPDX-License-Identifier: Apache-2.0
#include "kernels/fold_sums.cuh"
#include "kernels/launch.cuh"

namespace steepest::kernels {
namespace {

constexpr int lanes = 16;   // items a block adds up side by side
constexpr int slices = 32;  // of the partitions; a power of two

std::int64_t tasks_of(std::int64_t items) { return (items + lanes - 1) / lanes; }

// A slice's share of an element's sum.
template <class T>
STEEPEST_HD double gradient_slice(const PassSums<T>& sums, std::int64_t element, int slice) {
  const std::int64_t stride = sums.shape.stride();
  const std::int64_t part_size = sums.shape.columns() * sums.pitch;
  const T* const part = sums.gradient + element / stride * sums.pitch + element % stride;
  double total = 0.0;
  for (std::int64_t p = slice; p < sums.partitions; p += slices) {
    total += static_cast<double>(part[p * part_size]);
  }
  return total;
}

template <class T>
STEEPEST_HD double loss_slice(const PassSums<T>& sums, std::int64_t model, int slice) {
  double total = 0.0;
  for (std::int64_t p = slice; p < sums.partitions; p += slices) {
    total += sums.loss[p * sums.shape.models + model];
  }
  return total;
}

// A task is `lanes` elements of the gradient, or, behind those, as many models.
template <class T>
__global__ void __launch_bounds__(lanes* slices)
    fold_kernel(PassSums<T> sums, std::int64_t gradient_tasks, std::int64_t tasks, double* gradient,
                double* losses) {
  __shared__ double shared[lanes * slices];
  const int thread = static_cast<int>(threadIdx.x);
  const int slice = thread / lanes;
  for (std::int64_t task = blockIdx.x; task < tasks; task += gridDim.x) {
    const bool of_losses = task >= gradient_tasks;
    const std::int64_t item = (of_losses ? task - gradient_tasks : task) * lanes + thread % lanes;
    const bool exists = item < (of_losses ? sums.shape.models : sums.shape.elements());
    shared[thread] = !exists     ? 0.0
                     : of_losses ? loss_slice(sums, item, slice)
                                 : gradient_slice(sums, item, slice);
    __syncthreads();
    for (int half = slices / 2; half > 0; half /= 2) {
      if (slice < half) {
        shared[thread] += shared[thread + half * lanes];
      }
      __syncthreads();
    }
    if (slice == 0 && exists) {
      const double* const carried = of_losses ? sums.carried_loss : sums.carried_gradient;
      double* const out = of_losses ? losses : gradient;
      out[item] = shared[thread] + (carried == nullptr ? 0.0 : carried[item]);
    }
    __syncthreads();  // the next task writes shared
  }
}

}  // namespace

template <class T>
void queue_fold(const PassSums<T>& sums, cudaStream_t stream, double* gradient, double* losses) {
  const std::int64_t gradient_tasks = tasks_of(sums.shape.elements());
  const std::int64_t tasks = gradient_tasks + tasks_of(sums.shape.models);
  launch("adding up gradients", fold_kernel<T>, tasks, lanes * slices, stream, sums, gradient_tasks,
         tasks, gradient, losses);
}

template void queue_fold(const PassSums<float>&, cudaStream_t, double*, double*);
template void queue_fold(const PassSums<double>&, cudaStream_t, double*, double*);

}  // namespace steepest::kernels
