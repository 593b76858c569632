// SPDX-License-Identifier: Apache-2.0
// cuBLAS is loaded when it is first called. No GPU is needed to see that every function is found.
#include <cublas_v2.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace {

bool is_loaded() {
  std::ifstream maps("/proc/self/maps");
  const std::string text{std::istreambuf_iterator<char>(maps), {}};
  return text.find("libcublas.so") != std::string::npos;
}

TEST(Cublas, IsLoadedAtItsFirstCall) {
  if (is_loaded()) {
    GTEST_SKIP() << "a test before this one called cuBLAS";
  }
  EXPECT_STRNE(cublasGetStatusString(CUBLAS_STATUS_SUCCESS), "");
  EXPECT_TRUE(is_loaded());
}

TEST(Cublas, EveryFunctionIsFound) {
  cublasHandle_t const none = nullptr;
  const float one = 1;
  const double one_double = 1;
  EXPECT_NE(cublasDestroy(none), CUBLAS_STATUS_SUCCESS);
  EXPECT_NE(cublasSetStream(none, nullptr), CUBLAS_STATUS_SUCCESS);
  EXPECT_NE(cublasSetWorkspace(none, nullptr, 0), CUBLAS_STATUS_SUCCESS);
  EXPECT_NE(cublasSetMathMode(none, CUBLAS_DEFAULT_MATH), CUBLAS_STATUS_SUCCESS);
  EXPECT_NE(cublasSetAtomicsMode(none, CUBLAS_ATOMICS_NOT_ALLOWED), CUBLAS_STATUS_SUCCESS);
  EXPECT_NE(cublasSetPointerMode(none, CUBLAS_POINTER_MODE_HOST), CUBLAS_STATUS_SUCCESS);
  EXPECT_NE(
      cublasGemmStridedBatchedEx_64(none, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, nullptr,
                                    CUDA_R_32F, 1, 0, nullptr, CUDA_R_32F, 1, 0, &one, nullptr,
                                    CUDA_R_32F, 1, 0, 1, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
      CUBLAS_STATUS_SUCCESS);
  EXPECT_NE(
      cublasDgemmStridedBatched_64(none, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one_double, nullptr, 1,
                                   0, nullptr, 1, 0, &one_double, nullptr, 1, 0, 1),
      CUBLAS_STATUS_SUCCESS);
  EXPECT_NE(cublasDsyrk_64(none, CUBLAS_FILL_MODE_UPPER, CUBLAS_OP_N, 1, 1, &one_double, nullptr, 1,
                           &one_double, nullptr, 1),
            CUBLAS_STATUS_SUCCESS);
  cublasHandle_t handle = nullptr;
  if (cublasCreate(&handle) == CUBLAS_STATUS_SUCCESS) {  // where there is a GPU
    EXPECT_EQ(cublasDestroy(handle), CUBLAS_STATUS_SUCCESS);
  }
}

}  // namespace
