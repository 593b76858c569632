// SPDX-License-Identifier: Apache-2.0
// The products of a step on the device, by cuBLAS: scores Z = X W^T, gradients G = R^T X of several
// partitions of rows at once, and directions D = G P.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "kernels/device_buffer.cuh"
#include "kernels/rounding.hpp"

namespace steepest::kernels {

/// Elements from one row of features to the next, for rows of `stride` = d + 1 elements: a multiple
/// of 16 bytes, so that every row can be loaded as vectors. Elements past the stride are padding.
template <class T>
[[nodiscard]] constexpr std::int64_t row_pitch(std::int64_t stride) {
  constexpr std::int64_t vector = 16 / static_cast<std::int64_t>(sizeof(T));
  return (stride + vector - 1) / vector * vector;
}

/// A cuBLAS handle on one stream with a workspace of its own, which together with cuBLAS's default
/// of no atomics makes products bitwise reproducible on one chip and toolkit. Plain fp32 or fp64
/// arithmetic, no emulation; with a rounding, cuBLAS may round what it multiplies in float that
/// much, in order to use tensor cores, and sums in float all the same. T is float or double. Calls
/// queue; they throw DeviceError.
class MatrixProducts {
 public:
  explicit MatrixProducts(cudaStream_t stream, Rounding rounding = Rounding::none);

  [[nodiscard]] cudaStream_t stream() const { return stream_; }

  /// z (rows, columns) = x (rows, depth) w^T, with w (columns, depth); x and w have `pitch`
  /// elements a row, z is packed. Padding of x and w is not read.
  template <class T>
  void scores(std::int64_t rows, std::int64_t columns, std::int64_t depth, std::int64_t pitch,
              const T* x, const T* w, T* z) const;

  /// g_p (columns, depth) = r_p^T x_p for every partition p of `rows` rows, where x_p and r_p are
  /// rows [p * rows, (p + 1) * rows) of x (.., depth) and r (.., columns), and g_p starts
  /// p * columns * pitch elements into g. x and g have `pitch` elements a row, r is packed. Padding
  /// of x is not read, padding of g is not written.
  template <class T>
  void gradients(std::int64_t partitions, std::int64_t rows, std::int64_t columns,
                 std::int64_t depth, std::int64_t pitch, const T* x, const T* r, T* g) const;

  /// moment (width, width) += x^T x, of which the lower triangle of a row-major matrix, diagonal
  /// included, is read and written; x (rows, width). All packed.
  void add_moment(std::int64_t rows, std::int64_t width, const double* x, double* moment) const;

  /// directions (columns, stride) = gradients (columns, stride) p, with p (stride, stride)
  /// symmetric. All packed.
  void precondition(std::int64_t columns, std::int64_t stride, const double* p,
                    const double* gradients, double* directions) const;

 private:
  struct Destroy {
    void operator()(cublasHandle_t handle) const noexcept {
      static_cast<void>(cublasDestroy(handle));
    }
  };

  cudaStream_t stream_;
  Rounding rounding_;
  DeviceBuffer<std::byte> workspace_;
  std::unique_ptr<std::remove_pointer_t<cublasHandle_t>, Destroy> handle_;
};

}  // namespace steepest::kernels
