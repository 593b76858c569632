// SPDX-License-Identifier: Apache-2.0
#include "kernels/check.cuh"
#include "kernels/device_failure.hpp"

namespace steepest::kernels {
namespace {

// The error of a call stays behind as the thread's last error, where it would be taken for a later
// call's: reading it clears it.
void forget_last_error() { static_cast<void>(cudaGetLastError()); }

}  // namespace

void check(cudaError_t status, const char* doing) {
  if (status != cudaSuccess) {
    forget_last_error();
    throw device_failure(doing, cudaGetErrorString(status));
  }
}

void check(cublasStatus_t status, const char* doing) {
  if (status != CUBLAS_STATUS_SUCCESS) {
    forget_last_error();
    throw device_failure(doing, cublasGetStatusString(status));
  }
}

void check_allocation(cudaError_t status, std::int64_t bytes, const char* what) {
  if (status == cudaErrorMemoryAllocation) {
    forget_last_error();
    std::size_t free_bytes = 0;
    std::size_t total_bytes = 0;
    check(cudaMemGetInfo(&free_bytes, &total_bytes), "asking for its free memory");
    throw out_of_device_memory(what, bytes, static_cast<std::int64_t>(free_bytes),
                               static_cast<std::int64_t>(total_bytes));
  }
  check(status, "allocating memory");
}

}  // namespace steepest::kernels
