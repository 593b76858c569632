// SPDX-License-Identifier: Apache-2.0
// tempered_sums() on a device, tile after tile: while one is copied and summed, the host fills the
// next one and uses the sums of the last.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "kernels/tempered_sums.hpp"

namespace steepest::kernels {

/// Two slots, each with room for a tile and its results in page-locked memory. A slot is filled,
/// started, finished and used, in this order; the other one meanwhile has a turn of its own. For
/// one host thread, but `logits`, `looks` and `sums` may be written and read by several.
template <class T>
class TemperedSumsStream {
 public:
  static constexpr int slots = 2;

  /// Memory of one slot.
  struct Slot {
    T* logits = nullptr;           ///< (most_rows, classes)
    LogitRow* looks = nullptr;     ///< most_rows
    TemperedSums* sums = nullptr;  ///< (most_rows, nodes)
  };

  TemperedSumsStream() = default;
  TemperedSumsStream(const TemperedSumsStream&) = delete;
  TemperedSumsStream& operator=(const TemperedSumsStream&) = delete;
  virtual ~TemperedSumsStream() = default;

  [[nodiscard]] virtual Slot slot(int index) = 0;

  /// Queues the first `rows` rows of a slot: copies, sums as tempered_sums() defines them, copies
  /// back. Throws DeviceError.
  virtual void start(int index, std::int64_t rows) = 0;

  /// Returns when the slot's results are there. Throws DeviceError.
  virtual void finish(int index) = 0;
};

/// What a stream is made for.
struct TemperedSumsPlan {
  std::int64_t most_rows = 0;     ///< of a tile
  std::int64_t classes = 0;       ///< >= 2
  const double* betas = nullptr;  ///< (nodes): copied
  std::int64_t nodes = 0;         ///< >= 1
};

/// On CUDA device `ordinal`. T is float or double: exponentials are computed in it, sums in double,
/// each by a fixed tree: the same bits for the same chip and toolkit. Throws DeviceError with the
/// reason when this build or this machine has no such device, or when its memory is full.
template <class T>
[[nodiscard]] std::unique_ptr<TemperedSumsStream<T>> make_cuda_tempered_sums(
    int ordinal, const TemperedSumsPlan& plan);

}  // namespace steepest::kernels
