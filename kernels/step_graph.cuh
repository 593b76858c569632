// SPDX-License-Identifier: Apache-2.0
// Work that is queued once and launched again by one call.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>

#include "kernels/check.cuh"
#include "kernels/device_buffer.cuh"
#include "kernels/for_each_index.cuh"
#include "kernels/row_selection.hpp"

namespace steepest::kernels {

/// Features that a chunk of a pass in a graph reads at most: its second product then finds them in
/// an L2 cache of 50 MB and more, and launches are cheap in a graph. An estimate, not measured.
inline constexpr std::int64_t graph_chunk_bytes = std::int64_t{25} << 20;

/// What a function queues to a stream, as a CUDA graph: a launch of all of it costs the host one
/// call. Arguments are those of the time of capture, so what they point to has to stay.
class StepGraph {
 public:
  /// queue() queues work to `stream` and does nothing else with CUDA: no waits, no allocations.
  /// None of it runs yet. Throws DeviceError.
  template <class Queue>
  StepGraph(cudaStream_t stream, const Queue& queue) {
    check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "capturing steps");
    try {
      queue();
    } catch (...) {
      static_cast<void>(end_capture(stream));
      static_cast<void>(cudaGetLastError());
      throw;
    }
    const std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, DestroyGraph> graph =
        end_capture(stream);
    check(graph == nullptr ? cudaErrorUnknown : cudaSuccess, "capturing steps");
    cudaGraphExec_t created = nullptr;
    check(cudaGraphInstantiate(&created, graph.get(), 0), "preparing steps");
    executable_.reset(created);
  }

  /// Queues all of it behind what `stream` has.
  void launch(cudaStream_t stream) const {
    check(cudaGraphLaunch(executable_.get(), stream), "launching steps");
  }

 private:
  struct DestroyGraph {
    void operator()(cudaGraph_t graph) const noexcept {
      static_cast<void>(cudaGraphDestroy(graph));
    }
  };
  struct DestroyExecutable {
    void operator()(cudaGraphExec_t executable) const noexcept {
      static_cast<void>(cudaGraphExecDestroy(executable));
    }
  };

  // Null where the capture has failed.
  static std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, DestroyGraph> end_capture(
      cudaStream_t stream) {
    cudaGraph_t graph = nullptr;
    if (cudaStreamEndCapture(stream, &graph) != cudaSuccess) {
      graph = nullptr;
    }
    return std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, DestroyGraph>(graph);
  }

  std::unique_ptr<std::remove_pointer_t<cudaGraphExec_t>, DestroyExecutable> executable_;
};

/// The batches of a run: see batch_of_step().
struct BatchRun {
  std::int64_t rows = 0;
  std::int64_t batch = 0;
  std::uint64_t seed = 0;
  std::int64_t together = 1;

  [[nodiscard]] STEEPEST_HD RowSelection of_step(std::int64_t step) const {
    return batch_of_step(rows, batch, seed, step, together);
  }
  [[nodiscard]] bool is_full() const { return batch >= rows; }
};

/// Element i of the row numbers of a run's batches from `step` on.
struct DrawRow {
  BatchRun run;
  std::int64_t step;
  std::int64_t* drawn;

  STEEPEST_HD void operator()(std::int64_t i) const {
    const RowSelection rows = run.of_step(step + i / run.batch);
    drawn[i] = rows.order()(rows.first + i % run.batch);
  }
};

/// A fixed number of steps of the same size as one graph. Which rows their batches have is drawn
/// before each launch, so the graph knows of no step's number.
class StepsOfAGraph {
 public:
  /// Of `most` steps, or of as many as an epoch has whole batches.
  StepsOfAGraph(const BatchRun& run, std::int64_t most)
      : run_(run),
        count_(run.is_full() ? most : std::min(most, run.rows / run.batch)),
        drawn_(run.is_full() ? 0 : count_ * run.batch, "row numbers of batches") {}

  [[nodiscard]] std::int64_t count() const { return count_; }

  /// Whether `count` steps from `step` on are one launch: as many, none of them a rest of an epoch.
  [[nodiscard]] bool takes(std::int64_t step, std::int64_t count) const {
    if (count != count_ || run_.is_full()) {
      return count == count_;
    }
    const std::int64_t steps_per_epoch = (run_.rows + run_.batch - 1) / run_.batch;
    return step % steps_per_epoch + count <= run_.rows / run_.batch;
  }

  /// Queues the steps from `step` on. At the first call `before()` and, for every step s from 0,
  /// queue(s, selection, drawn) queue what the graph is made of; `drawn` holds the indexes of the
  /// selection's rows, and is null where it is all of them.
  template <class Before, class Queue>
  void launch(std::int64_t step, cudaStream_t stream, const Before& before, const Queue& queue) {
    if (!run_.is_full()) {
      for_each_index("shuffling rows", count_ * run_.batch, stream,
                     DrawRow{run_, step, drawn_.data()});
    }
    if (!graph_) {
      graph_.emplace(stream, [&] {
        before();
        for (std::int64_t s = 0; s < count_; ++s) {
          queue(s, run_.of_step(step + s),
                run_.is_full() ? nullptr : drawn_.data() + s * run_.batch);
        }
      });
    }
    graph_->launch(stream);
  }

 private:
  BatchRun run_;
  std::int64_t count_;
  DeviceBuffer<std::int64_t> drawn_;  // (steps, batch)
  std::optional<StepGraph> graph_;
};

}  // namespace steepest::kernels
