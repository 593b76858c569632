// SPDX-License-Identifier: Apache-2.0
// What the kernels of the fused engine share: a block of threads at work on a partition.
#pragma once

#include <cuda_runtime.h>

#include "kernels/fused_shape.hpp"
#include "kernels/fused_task.cuh"

namespace steepest::kernels {

/// 16 bytes of a row: one load.
template <class T>
struct alignas(vector_bytes) Vector {
  static constexpr int width = static_cast<int>(vector_bytes) / static_cast<int>(sizeof(T));
  T at[width];
};

/// Vector `index` of values that are aligned to one.
template <class T>
[[nodiscard]] STEEPEST_HD const Vector<T>& vector_at(const T* values, std::int64_t index) {
  return reinterpret_cast<const Vector<T>*>(values)[index];
}

/// Shared memory of a block beside that of its kernel.
struct BlockShared {
  std::int64_t* row_of;  ///< most_partition_rows: of the partition, where rows are shuffled
  double* losses;        ///< one a thread
};

/// Where a thread of a block of `threads` stands. Holds references to what it is made of.
template <class T, int threads>
struct FusedBlock {
  const FusedTask<T>& task;
  const FusedPart<T>& part;
  BlockShared shared;
  int thread;

  __device__ FusedBlock(const FusedTask<T>& whole, const FusedPart<T>& mine,
                        const BlockShared& memory)
      : task(whole), part(mine), shared(memory), thread(static_cast<int>(threadIdx.x)) {}

  /// Looks up every row of the partition once. All threads call it, before row_at().
  __device__ void find_rows() const {
    if (task.rows.shuffled) {
      const RowOrder order = task.rows.order();
      for (int r = thread; r < part.rows; r += threads) {
        shared.row_of[r] = order(part.first + r);
      }
      __syncthreads();
    }
  }

  /// Row of the data that row `r` of the partition is.
  [[nodiscard]] __device__ std::int64_t row_at(int r) const {
    return task.rows.shuffled ? shared.row_of[r] : part.first + r;
  }

  /// Vector `index` of row `row` of the data.
  [[nodiscard]] __device__ Vector<T> vector_of(std::int64_t row, std::int64_t index) const {
    if (!task.packed.are_held()) {
      return vector_at(task.data.features + row * task.data.pitch, index);
    }
    Vector<T> unpacked{};
    task.packed.template read<Vector<T>::width>(row, index * Vector<T>::width, unpacked.at);
    return unpacked;
  }

  /// Of `groups` (a power of two) that take rows by turns, half of those that had any, rounded up
  /// to a power of two: where a tree over them begins.
  [[nodiscard]] __device__ int half_of(int groups) const {
    while (groups / 2 >= part.rows) {
      groups /= 2;
    }
    return groups / 2;
  }

  /// Where the partial gradient of column `c` of the group goes: pitch long.
  [[nodiscard]] __device__ T* gradient_of(std::int64_t c) const {
    const std::int64_t column = part.first_model * task.shape().outputs + c;
    return task.gradient + (part.partition * task.shape().columns() + column) * task.data.pitch;
  }

  /// Where the partial loss of model `m` of the group goes.
  [[nodiscard]] __device__ double& loss_of(std::int64_t m) const {
    return task.losses[part.partition * task.shape().models + part.first_model + m];
  }
};

}  // namespace steepest::kernels
