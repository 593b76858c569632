// SPDX-License-Identifier: Apache-2.0
// A queue of device work, a mark in it, and the device calls of this thread go to.
#pragma once

#include <cuda_runtime.h>

#include <memory>
#include <type_traits>

#include "kernels/check.cuh"

namespace steepest::kernels {

/// A stream of its own, not ordered with the legacy default stream.
class Stream {
 public:
  Stream() {
    cudaStream_t created = nullptr;
    check(cudaStreamCreateWithFlags(&created, cudaStreamNonBlocking), "creating a stream");
    stream_.reset(created);
  }

  [[nodiscard]] cudaStream_t get() const { return stream_.get(); }

  void wait() const { check(cudaStreamSynchronize(get()), "running the work queued"); }

 private:
  struct Destroy {
    void operator()(cudaStream_t stream) const noexcept {
      static_cast<void>(cudaStreamDestroy(stream));
    }
  };

  std::unique_ptr<std::remove_pointer_t<cudaStream_t>, Destroy> stream_;
};

/// A mark in a stream that the host, or another stream, can wait for.
class Event {
 public:
  Event() {
    cudaEvent_t created = nullptr;
    check(cudaEventCreateWithFlags(&created, cudaEventDisableTiming), "creating an event");
    event_.reset(created);
  }

  void record(cudaStream_t stream) { check(cudaEventRecord(event_.get(), stream), "marking work"); }

  /// Returns when the work before the mark is done; at once when nothing was marked yet.
  void wait() const { check(cudaEventSynchronize(event_.get()), "running the work queued"); }

  /// Work queued to `stream` from now on begins when the work before the mark is done; at once when
  /// nothing was marked yet. The host does not wait.
  void hold_back(cudaStream_t stream) const {
    check(cudaStreamWaitEvent(stream, event_.get(), 0), "ordering work");
  }

 private:
  struct Destroy {
    void operator()(cudaEvent_t event) const noexcept {
      static_cast<void>(cudaEventDestroy(event));
    }
  };

  std::unique_ptr<std::remove_pointer_t<cudaEvent_t>, Destroy> event_;
};

/// Sends the CUDA calls of this thread to one device; the thread's former device comes back at the
/// end of the scope, so a program that uses CUDA itself sees no change.
class DeviceScope {
 public:
  explicit DeviceScope(int ordinal) {
    check(cudaGetDevice(&former_), "asking for the current device");
    check(cudaSetDevice(ordinal), "choosing the device");
  }
  ~DeviceScope() { static_cast<void>(cudaSetDevice(former_)); }
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;

 private:
  int former_ = 0;
};

}  // namespace steepest::kernels
