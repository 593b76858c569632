// SPDX-License-Identifier: Apache-2.0
// The calls of include/cuda_runtime.h about streams, events and graphs.
#include "tests/cuda_emulation/streams.hpp"

#include <string>
#include <utility>

namespace steepest::emulation {
namespace {

void finish(WorkQueue& queue) { queue.finish(queue.pushed()); }

}  // namespace

int current_device = 0;
cudaError_t last_error = cudaSuccess;

std::set<cudaStream_t>& streams() {
  static std::set<cudaStream_t> all;
  return all;
}

void finish_all_streams() {
  for (const cudaStream_t stream : streams()) {
    finish(*stream->queue);
  }
}

void require_no_capture(const char* what) {
  for (const cudaStream_t stream : streams()) {
    if (stream->captured != nullptr) {
      misuse(std::string("the host ") + what + " while a stream captures");
    }
  }
}

cudaError_t queue_work(cudaStream_t stream, std::function<void()> work) {
  if (!streams().contains(stream) || stream->device != current_device) {
    return cudaErrorInvalidResourceHandle;
  }
  if (stream->captured != nullptr) {
    stream->captured->work.push_back(std::move(work));
  } else {
    stream->queue->push(std::move(work));
  }
  return cudaSuccess;
}

}  // namespace steepest::emulation

// The names are CUDA's. NOLINTBEGIN(readability-identifier-naming)

using namespace steepest::emulation;

// Marks the work of a queue up to a count; none while nothing was recorded.
struct CUevent_st {
  std::shared_ptr<WorkQueue> queue;
  std::int64_t count = 0;
};

struct CUgraphExec_st {
  std::vector<std::function<void()>> work;
};

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned /*flags*/) {
  return call(__func__, [&] {
    *stream = new CUstream_st;
    (*stream)->device = current_device;
    streams().insert(*stream);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return call(__func__, [&] {
    require_no_capture("waits for a stream");
    ++counts().waits;
    finish(*stream->queue);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return call(__func__, [&] {
    finish(*stream->queue);
    streams().erase(stream);
    delete stream;
    return cudaSuccess;
  });
}

// The mark is that of now, as CUDA's: one recorded again later is another.
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned /*flags*/) {
  return call(__func__, [&] {
    if (event->queue == nullptr) {
      return cudaSuccess;
    }
    return queue_work(stream,
                      [queue = event->queue, count = event->count] { queue->finish(count); });
  });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned /*flags*/) {
  return call(__func__, [&] {
    *event = new CUevent_st;
    return cudaSuccess;
  });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return call(__func__, [&] {
    require_no_capture("marks work");
    event->queue = stream->queue;
    event->count = stream->queue->pushed();
    return cudaSuccess;
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return call(__func__, [&] {
    require_no_capture("waits for an event");
    ++counts().waits;
    if (event->queue != nullptr) {
      event->queue->finish(event->count);
    }
    return cudaSuccess;
  });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return call(__func__, [&] {
    delete event;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode /*mode*/) {
  return call(__func__, [&] {
    stream->captured = std::make_unique<CUgraph_st>();
    return cudaSuccess;
  });
}

// A call that fails ends the capture all the same.
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  std::unique_ptr<CUgraph_st> captured = std::move(stream->captured);
  return call(__func__, [&] {
    *graph = captured.release();
    return *graph == nullptr ? cudaErrorInvalidValue : cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph,
                                 unsigned long long /*flags*/) {
  return call(__func__, [&] {
    *executable = new CUgraphExec_st{graph->work};
    return cudaSuccess;
  });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  return call(__func__, [&] {
    ++counts().graph_launches;
    for (const std::function<void()>& work : executable->work) {
      if (const cudaError_t status = queue_work(stream, work); status != cudaSuccess) {
        return status;
      }
    }
    return cudaSuccess;
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return call(__func__, [&] {
    delete graph;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  return call(__func__, [&] {
    delete executable;
    return cudaSuccess;
  });
}

// NOLINTEND(readability-identifier-naming)
