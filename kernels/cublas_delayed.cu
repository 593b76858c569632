// SPDX-License-Identifier: Apache-2.0
// The functions of cuBLAS that are used, defined here to load its library at the first call. Linked
// in the usual way, 600 MB of libraries would be mapped, and 0.2 s pass, before every command,
// those that never see a GPU included.
#include <cublas_v2.h>
#include <dlfcn.h>

#include "kernels/device_failure.hpp"

namespace steepest::kernels {
namespace {

// By its name where the system or the program's search path has it, else where it was at build
// time.
void* cublas_library() {
  for (const char* const name : {STEEPEST_CUBLAS_NAME, STEEPEST_CUBLAS_PATH}) {
    if (void* const library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) {
      return library;
    }
  }
  throw device_failure("loading cuBLAS", dlerror());
}

template <class Function>
Function* cublas_function(const char* name) {
  static void* const library = cublas_library();
  void* const function = dlsym(library, name);
  if (function == nullptr) {
    throw device_failure("loading cuBLAS", dlerror());
  }
  return reinterpret_cast<Function*>(function);
}

}  // namespace
}  // namespace steepest::kernels

// cublas_v2.h declares these; each passes its arguments on.
#define STEEPEST_DELAYED(name, parameters, arguments)                                        \
  cublasStatus_t name parameters {                                                           \
    static auto* const function = steepest::kernels::cublas_function<decltype(name)>(#name); \
    return function arguments;                                                               \
  }

extern "C" {

STEEPEST_DELAYED(cublasCreate_v2, (cublasHandle_t * handle), (handle))
STEEPEST_DELAYED(cublasDestroy_v2, (cublasHandle_t handle), (handle))
STEEPEST_DELAYED(cublasSetStream_v2, (cublasHandle_t handle, cudaStream_t stream), (handle, stream))
STEEPEST_DELAYED(cublasSetWorkspace_v2, (cublasHandle_t handle, void* workspace, size_t bytes),
                 (handle, workspace, bytes))
STEEPEST_DELAYED(cublasSetMathMode, (cublasHandle_t handle, cublasMath_t mode), (handle, mode))
STEEPEST_DELAYED(cublasSetAtomicsMode, (cublasHandle_t handle, cublasAtomicsMode_t mode),
                 (handle, mode))
STEEPEST_DELAYED(cublasSetPointerMode_v2, (cublasHandle_t handle, cublasPointerMode_t mode),
                 (handle, mode))
STEEPEST_DELAYED(cublasGemmStridedBatchedEx_64,
                 (cublasHandle_t handle, cublasOperation_t of_a, cublasOperation_t of_b, int64_t m,
                  int64_t n, int64_t k, const void* alpha, const void* a, cudaDataType a_type,
                  int64_t a_leading, long long a_stride, const void* b, cudaDataType b_type,
                  int64_t b_leading, long long b_stride, const void* beta, void* c,
                  cudaDataType c_type, int64_t c_leading, long long c_stride, int64_t batches,
                  cublasComputeType_t compute, cublasGemmAlgo_t algorithm),
                 (handle, of_a, of_b, m, n, k, alpha, a, a_type, a_leading, a_stride, b, b_type,
                  b_leading, b_stride, beta, c, c_type, c_leading, c_stride, batches, compute,
                  algorithm))
STEEPEST_DELAYED(cublasDsyrk_v2_64,
                 (cublasHandle_t handle, cublasFillMode_t triangle, cublasOperation_t of_a,
                  int64_t n, int64_t k, const double* alpha, const double* a, int64_t a_leading,
                  const double* beta, double* c, int64_t c_leading),
                 (handle, triangle, of_a, n, k, alpha, a, a_leading, beta, c, c_leading))
STEEPEST_DELAYED(cublasDgemmStridedBatched_64,
                 (cublasHandle_t handle, cublasOperation_t of_a, cublasOperation_t of_b, int64_t m,
                  int64_t n, int64_t k, const double* alpha, const double* a, int64_t a_leading,
                  long long a_stride, const double* b, int64_t b_leading, long long b_stride,
                  const double* beta, double* c, int64_t c_leading, long long c_stride,
                  int64_t batches),
                 (handle, of_a, of_b, m, n, k, alpha, a, a_leading, a_stride, b, b_leading,
                  b_stride, beta, c, c_leading, c_stride, batches))

const char* cublasGetStatusString(cublasStatus_t status) {
  static auto* const function =
      steepest::kernels::cublas_function<decltype(cublasGetStatusString)>("cublasGetStatusString");
  return function(status);
}

}  // extern "C"
