// SPDX-License-Identifier: Apache-2.0
// What steps tell the host, on its way there while more steps run.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "kernels/bank.hpp"
#include "kernels/device_buffer.cuh"
#include "kernels/pinned_buffer.cuh"
#include "kernels/stream.cuh"

namespace steepest::kernels {

/// Steps of a portion whose passes read so many bytes each. Few where that is much, because those
/// queued after the last model has stopped run for nothing.
inline constexpr std::int64_t most_portion_steps = 64;
inline constexpr std::int64_t most_portion_bytes = std::int64_t{2} << 30;

[[nodiscard]] inline std::int64_t steps_of_a_portion(std::int64_t pass_bytes) {
  return std::clamp<std::int64_t>(most_portion_bytes / pass_bytes, 1, most_portion_steps);
}

/// Portions that the device may work on while the host takes one: none where a step for nothing
/// would cost more than the wait.
[[nodiscard]] inline std::int64_t portions_worth_ahead(std::int64_t pass_bytes) {
  return pass_bytes > most_portion_bytes ? 0 : 1;
}

/// Steps of a portion that is one launch: they cost a few microseconds each, and as many records.
[[nodiscard]] inline std::int64_t steps_of_a_launch(std::int64_t models) {
  constexpr std::int64_t most_steps = 1024;
  constexpr std::int64_t most_record_bytes = std::int64_t{16} << 20;
  const std::int64_t record_bytes = models * static_cast<std::int64_t>(sizeof(StepRecord));
  return std::clamp<std::int64_t>(most_record_bytes / record_bytes, 1, most_steps);
}

/// Records of steps and the states of the models after them, a portion of steps at a time: written
/// on the device, copied behind the steps to a ring of two portions in page-locked memory. While
/// the host takes one from there, the device works on the next. Throws DeviceError.
class StepReports {
 public:
  /// Portions on their way at most: one ahead of that which is taken.
  static constexpr std::int64_t depth = 2;

  /// For portions of at most `steps` steps of `models` models.
  StepReports(std::int64_t models, std::int64_t steps)
      : models_(models),
        records_(steps * models, "records of steps"),
        slots_{Slot(models, steps), Slot(models, steps)} {}

  /// (steps, models) in device memory: where the steps of a portion leave their records.
  [[nodiscard]] StepRecord* records() { return records_.data(); }

  /// Queues step -1 for all records of a portion of `count` steps: what a model that does not run
  /// leaves there.
  void clear(std::int64_t count, cudaStream_t stream) {
    fill_bytes(records_.data(), count * models_, 0xFF, stream);
  }

  /// Portions sent and not yet received.
  [[nodiscard]] std::int64_t on_their_way() const { return sent_ - received_; }

  /// Queues copying a portion of `count` steps, and `states` (models, in device memory) as they are
  /// then. Fewer than `depth` are on their way.
  void send(std::int64_t count, const ModelState* states, cudaStream_t stream) {
    Slot& slot = slots_[static_cast<std::size_t>(sent_ % depth)];
    slot.count = count;
    queue_copy(records_.data(), count * models_, slot.records.data(), stream);
    queue_copy(states, models_, slot.states.data(), stream);
    slot.copied.record(stream);
    ++sent_;
  }

  /// Waits for the oldest portion on its way, and appends what its steps did to the histories, one
  /// a model. Returns the states, models long, which stay until the next send().
  [[nodiscard]] const ModelState* receive(std::vector<std::vector<StepRecord>>& history) {
    Slot& slot = slots_[static_cast<std::size_t>(received_ % depth)];
    slot.copied.wait();
    ++received_;
    const StepRecord* const records = slot.records.data();
    for (std::int64_t i = 0; i < slot.count * models_; ++i) {
      if (records[i].step >= 0) {
        history[static_cast<std::size_t>(i % models_)].push_back(records[i]);
      }
    }
    return slot.states.data();
  }

  /// Forgets what is on its way, after a run that did not end well.
  void forget() { received_ = sent_; }

 private:
  struct Slot {
    Slot(std::int64_t models, std::int64_t steps) : records(steps * models), states(models) {}

    PinnedBuffer<StepRecord> records;
    PinnedBuffer<ModelState> states;
    Event copied;
    std::int64_t count = 0;
  };

  std::int64_t models_;
  std::int64_t sent_ = 0;
  std::int64_t received_ = 0;
  DeviceBuffer<StepRecord> records_;
  std::array<Slot, depth> slots_;
};

}  // namespace steepest::kernels
