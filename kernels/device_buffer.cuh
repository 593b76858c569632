// SPDX-License-Identifier: Apache-2.0
// Arrays in device memory that free themselves, and the copies to and from them.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "kernels/check.cuh"

namespace steepest::kernels {

/// An array of `size` elements in plain device memory, not initialised.
/// Freeing waits for all work of the device, so an array may go while kernels that use it run.
template <class T>
class DeviceBuffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  DeviceBuffer() = default;

  /// size >= 0. `what` is plural and names the array in the DeviceError of a full memory.
  DeviceBuffer(std::int64_t size, const char* what) : size_(size) {
    if (size > 0) {
      const std::int64_t bytes = size * static_cast<std::int64_t>(sizeof(T));
      void* memory = nullptr;
      check_allocation(cudaMalloc(&memory, static_cast<std::size_t>(bytes)), bytes, what);
      data_.reset(static_cast<T*>(memory));
    }
  }

  [[nodiscard]] std::int64_t size() const { return size_; }
  [[nodiscard]] T* data() { return data_.get(); }
  [[nodiscard]] const T* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(T* memory) const noexcept { static_cast<void>(cudaFree(memory)); }
  };

  std::unique_ptr<T, Free> data_;
  std::int64_t size_ = 0;
};

/// Copies `count` elements to the device behind the work of the stream, and waits. 0 is no call.
template <class T>
void upload(const T* host, std::int64_t count, T* device, cudaStream_t stream) {
  if (count == 0) {
    return;
  }
  check(cudaMemcpyAsync(device, host, static_cast<std::size_t>(count) * sizeof(T),
                        cudaMemcpyHostToDevice, stream),
        "copying to the GPU");
  check(cudaStreamSynchronize(stream), "copying to the GPU");
}

/// Queues copying `count` elements from the device. 0 is no call. The host goes on meanwhile only
/// where `host` is page-locked.
template <class T>
void queue_copy(const T* device, std::int64_t count, T* host, cudaStream_t stream) {
  if (count == 0) {
    return;
  }
  check(cudaMemcpyAsync(host, device, static_cast<std::size_t>(count) * sizeof(T),
                        cudaMemcpyDeviceToHost, stream),
        "copying from the GPU");
}

/// Copies `count` elements from the device when the work of the stream is done, and waits, also
/// for nothing.
template <class T>
void download(const T* device, std::int64_t count, T* host, cudaStream_t stream) {
  queue_copy(device, count, host, stream);
  check(cudaStreamSynchronize(stream), "running the steps queued");
}

/// Queues setting `count` elements to bytes of `value`. 0 is no call.
template <class T>
void fill_bytes(T* device, std::int64_t count, int value, cudaStream_t stream) {
  if (count == 0) {
    return;
  }
  check(cudaMemsetAsync(device, value, static_cast<std::size_t>(count) * sizeof(T), stream),
        "clearing memory");
}

}  // namespace steepest::kernels
