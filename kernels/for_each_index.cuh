// SPDX-License-Identifier: Apache-2.0
// Plain parallel loops on the device, by Thrust, without a wait of the host.
#pragma once

#include <cuda_runtime.h>
#include <thrust/execution_policy.h>
#include <thrust/for_each.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/system_error.h>

#include <cstdint>

#include "kernels/check.cuh"
#include "kernels/device_failure.hpp"

namespace steepest::kernels {

/// Queues body(i) for every i in [0, count). body is STEEPEST_HD and plain data; calls may run in
/// any order, so each writes to places of its own. Throws DeviceError when it cannot be launched.
template <class Body>
void for_each_index(const char* doing, std::int64_t count, cudaStream_t stream, const Body& body) {
  try {
    thrust::for_each(thrust::cuda::par_nosync.on(stream),
                     thrust::counting_iterator<std::int64_t>(0),
                     thrust::counting_iterator<std::int64_t>(count), body);
  } catch (const thrust::system_error& error) {
    static_cast<void>(cudaGetLastError());
    throw device_failure(doing, error.what());
  }
  check(cudaGetLastError(), doing);
}

}  // namespace steepest::kernels
