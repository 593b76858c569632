// SPDX-License-Identifier: Apache-2.0
// What the calls of the emulated runtime share: the thread's device and last error, and the
// streams.
#pragma once

#include <cuda_runtime.h>

#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "tests/cuda_emulation/emulation.hpp"
#include "tests/cuda_emulation/work_queue.hpp"

// The names are CUDA's. NOLINTBEGIN(readability-identifier-naming)

struct CUgraph_st {
  std::vector<std::function<void()>> work;
};

struct CUstream_st {
  int device = 0;
  std::shared_ptr<steepest::emulation::WorkQueue> queue =
      std::make_shared<steepest::emulation::WorkQueue>();
  std::unique_ptr<CUgraph_st> captured;  // what is queued goes here instead, while it is there
};

// NOLINTEND(readability-identifier-naming)

namespace steepest::emulation {

extern int current_device;
extern cudaError_t last_error;

/// What every call does: it may be the one that the machine fails, and it leaves its error behind.
template <class Body>
cudaError_t call(const char* name, const Body& body) {
  const cudaError_t status = machine().failing_call == name ? cudaErrorUnknown : body();
  if (status != cudaSuccess) {
    last_error = status;
  }
  return status;
}

[[nodiscard]] std::set<cudaStream_t>& streams();

void finish_all_streams();

/// Ends the process where a stream is capturing: `what` is a call that CUDA forbids then.
void require_no_capture(const char* what);

}  // namespace steepest::emulation
