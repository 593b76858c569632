// SPDX-License-Identifier: Apache-2.0
// Page-locked host memory, which the GPU copies from while the host goes on.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "kernels/check.cuh"

namespace steepest::kernels {

/// An array of `size` elements of page-locked host memory, not initialised. Throws DeviceError.
template <class T>
class PinnedBuffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  explicit PinnedBuffer(std::int64_t size) {
    void* memory = nullptr;
    check(cudaMallocHost(&memory, static_cast<std::size_t>(size) * sizeof(T)),
          "page-locking host memory");
    data_.reset(static_cast<T*>(memory));
  }

  [[nodiscard]] T* data() { return data_.get(); }

 private:
  struct Free {
    void operator()(T* memory) const noexcept { static_cast<void>(cudaFreeHost(memory)); }
  };

  std::unique_ptr<T, Free> data_;
};

}  // namespace steepest::kernels
