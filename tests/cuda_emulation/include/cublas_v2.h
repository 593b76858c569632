// SPDX-License-Identifier: Apache-2.0
// Stands in for cuBLAS's header of this name: the two products that kernels/*.cu call.
//
// Emulated: which matrices are multiplied, cuBLAS's rules for arguments, that calls queue. NOT
// emulated: the real cuBLAS, whose order of summation, accuracy and reproducibility are its own.
// Here a sum over k runs from 0 to k - 1 in the type of the matrices, and compute types that allow
// operands to be rounded always round them.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

// The names are cuBLAS's. NOLINTBEGIN(readability-identifier-naming)

enum cublasStatus_t {
  CUBLAS_STATUS_SUCCESS = 0,
  CUBLAS_STATUS_NOT_INITIALIZED = 1,
  CUBLAS_STATUS_INVALID_VALUE = 7,
  CUBLAS_STATUS_EXECUTION_FAILED = 13
};
enum cublasOperation_t { CUBLAS_OP_N = 0, CUBLAS_OP_T = 1 };
enum cublasFillMode_t { CUBLAS_FILL_MODE_UPPER = 1 };
enum cublasMath_t { CUBLAS_DEFAULT_MATH = 0 };
enum cudaDataType_t { CUDA_R_32F = 0 };
enum cublasComputeType_t {
  CUBLAS_COMPUTE_32F = 68,
  CUBLAS_COMPUTE_32F_FAST_16BF = 75,
  CUBLAS_COMPUTE_32F_FAST_TF32 = 77
};
enum cublasGemmAlgo_t { CUBLAS_GEMM_DEFAULT = -1 };
enum cublasAtomicsMode_t { CUBLAS_ATOMICS_NOT_ALLOWED = 0 };
enum cublasPointerMode_t { CUBLAS_POINTER_MODE_HOST = 0 };

using cublasHandle_t = struct cublasContext*;

const char* cublasGetStatusString(cublasStatus_t status);
cublasStatus_t cublasCreate(cublasHandle_t* handle);
cublasStatus_t cublasDestroy(cublasHandle_t handle);
cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream);
cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void* workspace, std::size_t bytes);
cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode);
cublasStatus_t cublasSetAtomicsMode(cublasHandle_t handle, cublasAtomicsMode_t mode);
cublasStatus_t cublasSetPointerMode(cublasHandle_t handle, cublasPointerMode_t mode);

/// C_p (m, n) = alpha op(A_p) op(B_p) + beta C_p, column-major, for p in [0, batches); alpha and
/// beta in host memory. C is not read where beta is 0.
cublasStatus_t cublasGemmStridedBatchedEx_64(
    cublasHandle_t handle, cublasOperation_t a_operation, cublasOperation_t b_operation,
    std::int64_t m, std::int64_t n, std::int64_t k, const void* alpha, const void* a,
    cudaDataType_t a_type, std::int64_t a_leading, long long a_stride, const void* b,
    cudaDataType_t b_type, std::int64_t b_leading, long long b_stride, const void* beta, void* c,
    cudaDataType_t c_type, std::int64_t c_leading, long long c_stride, std::int64_t batches,
    cublasComputeType_t compute, cublasGemmAlgo_t algorithm);
cublasStatus_t cublasDgemmStridedBatched_64(cublasHandle_t handle, cublasOperation_t a_operation,
                                            cublasOperation_t b_operation, std::int64_t m,
                                            std::int64_t n, std::int64_t k, const double* alpha,
                                            const double* a, std::int64_t a_leading,
                                            long long a_stride, const double* b,
                                            std::int64_t b_leading, long long b_stride,
                                            const double* beta, double* c, std::int64_t c_leading,
                                            long long c_stride, std::int64_t batches);

/// C (n, n) = alpha A A^T + beta C, column-major, A being (n, k): the upper triangle of C alone is
/// read and written.
cublasStatus_t cublasDsyrk_64(cublasHandle_t handle, cublasFillMode_t triangle,
                              cublasOperation_t a_operation, std::int64_t n, std::int64_t k,
                              const double* alpha, const double* a, std::int64_t a_leading,
                              const double* beta, double* c, std::int64_t c_leading);

// NOLINTEND(readability-identifier-naming)
