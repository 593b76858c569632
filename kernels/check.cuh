// SPDX-License-Identifier: Apache-2.0
// Every CUDA and cuBLAS call goes through check(): a status that is not success is a DeviceError.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <cstdint>

namespace steepest::kernels {

/// Throws DeviceError unless the status is success. `doing` completes "the GPU failed while ...",
/// as in "copying rows to the GPU". Work queued earlier may be what failed: CUDA reports it late.
void check(cudaError_t status, const char* doing);
void check(cublasStatus_t status, const char* doing);

/// Throws DeviceError unless `bytes` were allocated. The sentence says what is too big, the bytes
/// it needs and the bytes that are free.
void check_allocation(cudaError_t status, std::int64_t bytes, const char* what);

}  // namespace steepest::kernels
