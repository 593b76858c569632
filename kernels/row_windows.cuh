// SPDX-License-Identifier: Apache-2.0
// Rows that stay with the host, because there are more than device memory has room for: two windows
// of them on the device, one worked on while the other is filled.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/device_buffer.cuh"
#include "kernels/row_selection.hpp"
#include "kernels/row_upload.cuh"
#include "kernels/standardize.hpp"
#include "kernels/stream.cuh"

namespace steepest::kernels {

/// Rows [first, first + count) as the host has them, (count, d), valid until the next call.
using ReadRows = std::function<const float*(std::int64_t first, std::int64_t count)>;

/// What will be asked for after a part of a selection: the rows that follow in the same order, up
/// to position `end`; then, in file order, all again from the first row on.
struct RowsAhead {
  std::int64_t end = 0;
  bool again = false;
};

/// The n rows of a source as RowUpload puts them into device memory, part by part of a selection.
///
/// A window holds consecutive rows of the file, or of an epoch's shuffled order. A window of the
/// file is read from its first row to its last; one of a shuffled order by one read of the whole
/// source in its own order, of which the window's rows alone go to the device: so an epoch sends
/// every row once, and reads the source once a window, as StreamedFeed does on the CPU.
///
/// While the device works on one window, each release() reads as large a share of the window that
/// comes next as the device was given of this one, on a copy stream of its own. What is read
/// waits for the device only when a page-locked piece or a window is still in use. Allocates in the
/// constructor alone. Everything throws DeviceError, and what the source throws.
template <class T>
class RowWindows {
 public:
  /// 1 <= window_rows <= n. `stream` is where the work on the rows will be queued. Waits.
  RowWindows(ReadRows read, std::int64_t rows, const ColumnScales& scales, std::int64_t pitch,
             std::int64_t window_rows, cudaStream_t stream);

  [[nodiscard]] std::int64_t window_rows() const { return window_rows_; }

  /// Where the rows of a part of at most window_rows() rows lie, (part.count, pitch), for work
  /// queued to the stream from now to release(). As many elements as most_partitions rows behind
  /// them can be read, and are finite. `whole`, at least part.count and at most window_rows(), are
  /// the rows of all parts of its kind but the last.
  [[nodiscard]] const T* at(const RowSelection& part, std::int64_t whole, const RowsAhead& ahead);

  /// Says that all work on the part asked for last is queued.
  void release();

 private:
  struct Window {
    explicit Window(std::int64_t elements) : rows(elements, "rows of a window") {}

    DeviceBuffer<T> rows;
    RowSelection holds;         // or will hold; none where its count is 0
    std::int64_t read = 0;      // source rows
    std::int64_t expected = 0;  // source rows that should have been read by now
    Event filled;
    Event used;

    [[nodiscard]] bool covers(const RowSelection& part) const;
    /// Source rows that filling it reads.
    [[nodiscard]] std::int64_t to_read() const;
  };

  [[nodiscard]] RowSelection window_from(std::int64_t first) const;
  [[nodiscard]] RowSelection after(const RowSelection& window) const;
  void begin(Window& window, const RowSelection& holds);
  void fill(Window& window, std::int64_t source_rows);

  ReadRows read_;
  std::int64_t rows_;
  std::int64_t pitch_;
  std::int64_t window_rows_;
  std::int64_t block_rows_;  // read at a time
  cudaStream_t stream_;
  Stream copies_;
  RowUpload<T> upload_;
  std::array<Window, 2> windows_;
  std::size_t current_ = 0;
  RowSelection part_;                 // asked for last
  std::int64_t whole_ = 1;            // of it
  RowsAhead ahead_;                   // likewise
  std::vector<std::int64_t> places_;  // of a block's rows in a window, -1 for none
};

extern template class RowWindows<float>;
extern template class RowWindows<double>;
extern template class RowWindows<std::uint8_t>;
extern template class RowWindows<std::uint16_t>;

}  // namespace steepest::kernels
