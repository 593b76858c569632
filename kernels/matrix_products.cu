// SPDX-License-Identifier: Apache-2.0
#include "kernels/matrix_products.cuh"

namespace steepest::kernels {
namespace {

// What cuBLAS recommends for Hopper.
constexpr std::int64_t workspace_bytes = std::int64_t{32} << 20;

// The overloads by which one template calls cuBLAS in float and in double. Column-major, as cuBLAS.
struct Operand {
  cublasOperation_t operation;
  std::int64_t leading;
  long long stride;
};

cublasComputeType_t compute_type(Rounding rounding) {
  switch (rounding) {
    case Rounding::tf32:
      return CUBLAS_COMPUTE_32F_FAST_TF32;
    case Rounding::bf16:
      return CUBLAS_COMPUTE_32F_FAST_16BF;
    case Rounding::none:
      break;
  }
  return CUBLAS_COMPUTE_32F;
}

cublasStatus_t multiply(cublasHandle_t handle, Rounding rounding, std::int64_t m, std::int64_t n,
                        std::int64_t k, const Operand& a, const float* a_data, const Operand& b,
                        const float* b_data, const Operand& c, float* c_data,
                        std::int64_t batches) {
  const float one = 1.0F;
  const float zero = 0.0F;
  return cublasGemmStridedBatchedEx_64(
      handle, a.operation, b.operation, m, n, k, &one, a_data, CUDA_R_32F, a.leading, a.stride,
      b_data, CUDA_R_32F, b.leading, b.stride, &zero, c_data, CUDA_R_32F, c.leading, c.stride,
      batches, compute_type(rounding), CUBLAS_GEMM_DEFAULT);
}

cublasStatus_t multiply(cublasHandle_t handle, Rounding /*float only*/, std::int64_t m,
                        std::int64_t n, std::int64_t k, const Operand& a, const double* a_data,
                        const Operand& b, const double* b_data, const Operand& c, double* c_data,
                        std::int64_t batches) {
  const double one = 1.0;
  const double zero = 0.0;
  return cublasDgemmStridedBatched_64(handle, a.operation, b.operation, m, n, k, &one, a_data,
                                      a.leading, a.stride, b_data, b.leading, b.stride, &zero,
                                      c_data, c.leading, c.stride, batches);
}

}  // namespace

MatrixProducts::MatrixProducts(cudaStream_t stream, Rounding rounding)
    : stream_(stream), rounding_(rounding), workspace_(workspace_bytes, "cuBLAS workspaces") {
  cublasHandle_t created = nullptr;
  check(cublasCreate(&created), "starting cuBLAS");
  handle_.reset(created);
  // The stream first: setting it takes the workspace away.
  check(cublasSetStream(created, stream), "starting cuBLAS");
  check(cublasSetWorkspace(created, workspace_.data(), static_cast<std::size_t>(workspace_bytes)),
        "starting cuBLAS");
  check(cublasSetMathMode(created, CUBLAS_DEFAULT_MATH), "starting cuBLAS");
  check(cublasSetAtomicsMode(created, CUBLAS_ATOMICS_NOT_ALLOWED), "starting cuBLAS");
  check(cublasSetPointerMode(created, CUBLAS_POINTER_MODE_HOST), "starting cuBLAS");
}

// A row-major matrix is the column-major matrix of its transpose: x is (depth, rows), w is
// (depth, columns), z is (columns, rows), r is (columns, rows) and g is (depth, columns) to cuBLAS.
template <class T>
void MatrixProducts::scores(std::int64_t rows, std::int64_t columns, std::int64_t depth,
                            std::int64_t pitch, const T* x, const T* w, T* z) const {
  check(multiply(handle_.get(), rounding_, columns, rows, depth, {CUBLAS_OP_T, pitch, 0}, w,
                 {CUBLAS_OP_N, pitch, 0}, x, {CUBLAS_OP_N, columns, 0}, z, 1),
        "multiplying features and parameters");
}

template <class T>
void MatrixProducts::gradients(std::int64_t partitions, std::int64_t rows, std::int64_t columns,
                               std::int64_t depth, std::int64_t pitch, const T* x, const T* r,
                               T* g) const {
  check(multiply(handle_.get(), rounding_, depth, columns, rows, {CUBLAS_OP_N, pitch, rows * pitch},
                 x, {CUBLAS_OP_T, columns, rows * columns}, r,
                 {CUBLAS_OP_N, pitch, columns * pitch}, g, partitions),
        "multiplying features and residuals");
}

void MatrixProducts::add_moment(std::int64_t rows, std::int64_t width, const double* x,
                                double* moment) const {
  const double one = 1.0;
  check(cublasDsyrk_64(handle_.get(), CUBLAS_FILL_MODE_UPPER, CUBLAS_OP_N, width, rows, &one, x,
                       width, &one, moment, width),
        "summing second moments");
}

void MatrixProducts::precondition(std::int64_t columns, std::int64_t stride, const double* p,
                                  const double* gradients, double* directions) const {
  check(multiply(handle_.get(), Rounding::none, stride, columns, stride, {CUBLAS_OP_N, stride, 0},
                 p, {CUBLAS_OP_N, stride, 0}, gradients, {CUBLAS_OP_N, stride, 0}, directions, 1),
        "preconditioning gradients");
}

template void MatrixProducts::scores(std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                                     const float*, const float*, float*) const;
template void MatrixProducts::scores(std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                                     const double*, const double*, double*) const;
template void MatrixProducts::gradients(std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                                        std::int64_t, const float*, const float*, float*) const;
template void MatrixProducts::gradients(std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                                        std::int64_t, const double*, const double*, double*) const;

}  // namespace steepest::kernels
