// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>
#include <utility>

#include "kernels/row_chunks.hpp"
#include "kernels/row_windows.cuh"

namespace steepest::kernels {
namespace {

// Of the source, read at a time: as large as the page-locked pieces they go through.
constexpr std::int64_t block_bytes = std::int64_t{16} << 20;

std::int64_t rows_of_a_block(std::int64_t columns, std::int64_t most) {
  return std::clamp<std::int64_t>(
      block_bytes / (columns * static_cast<std::int64_t>(sizeof(float))), 1, most);
}

bool same_order(const RowSelection& a, const RowSelection& b) {
  if (!a.shuffled || !b.shuffled) {
    return a.shuffled == b.shuffled;
  }
  return a.seed == b.seed && a.epoch == b.epoch && a.together == b.together;
}

}  // namespace

template <class T>
bool RowWindows<T>::Window::covers(const RowSelection& part) const {
  return holds.count > 0 && same_order(holds, part) && part.first >= holds.first &&
         part.first + part.count <= holds.first + holds.count;
}

template <class T>
std::int64_t RowWindows<T>::Window::to_read() const {
  return holds.shuffled ? holds.total_rows : holds.count;
}

template <class T>
RowWindows<T>::RowWindows(ReadRows read, std::int64_t rows, const ColumnScales& scales,
                          std::int64_t pitch, std::int64_t window_rows, cudaStream_t stream)
    : read_(std::move(read)),
      rows_(rows),
      pitch_(pitch),
      window_rows_(window_rows),
      block_rows_(rows_of_a_block(static_cast<std::int64_t>(scales.mean.size()), window_rows)),
      stream_(stream),
      upload_(scales, block_rows_, pitch, copies_.get()),
      windows_{Window((window_rows + most_partitions) * pitch),
               Window((window_rows + most_partitions) * pitch)},
      places_(static_cast<std::size_t>(block_rows_)) {
  for (Window& window : windows_) {
    fill_bytes(window.rows.data(), window.rows.size(), 0, copies_.get());
  }
  copies_.wait();
}

// From position `first` of the order of the part asked for last: as many whole parts as fit.
template <class T>
RowSelection RowWindows<T>::window_from(std::int64_t first) const {
  RowSelection window = part_;
  window.first = first;
  window.count = std::min(window_rows_ / whole_ * whole_, ahead_.end - first);
  return window;
}

// None where nothing will follow.
template <class T>
RowSelection RowWindows<T>::after(const RowSelection& window) const {
  const std::int64_t end = window.first + window.count;
  if (end < ahead_.end) {
    return window_from(end);
  }
  return ahead_.again && !window.shuffled ? window_from(0) : RowSelection{};
}

template <class T>
void RowWindows<T>::begin(Window& window, const RowSelection& holds) {
  window.holds = holds;
  window.read = 0;
  window.expected = 0;
  window.used.hold_back(copies_.get());
}

template <class T>
void RowWindows<T>::fill(Window& window, std::int64_t source_rows) {
  const RowSelection& holds = window.holds;
  const RowOrder order = holds.order();
  const std::int64_t end = std::min(source_rows, window.to_read());
  while (window.read < end) {
    const std::int64_t first = (holds.shuffled ? 0 : holds.first) + window.read;
    const std::int64_t count = std::min(block_rows_, window.to_read() - window.read);
    const auto places = places_.begin();
    if (holds.shuffled) {
      for (std::int64_t r = 0; r < count; ++r) {
        const std::int64_t place = order.position_of(first + r) - holds.first;
        places[r] = place < holds.count ? place : -1;  // below 0: in a window before
      }
    } else {
      std::iota(places, places + count, window.read);
    }
    upload_.send(read_(first, count), count, places_.data(), window.rows.data());
    window.read += count;
    if (window.read == window.to_read()) {
      window.filled.record(copies_.get());
    }
  }
}

template <class T>
const T* RowWindows<T>::at(const RowSelection& part, std::int64_t whole, const RowsAhead& ahead) {
  part_ = part;
  whole_ = whole;
  ahead_ = ahead;
  if (!windows_[current_].covers(part)) {
    current_ = 1 - current_;
    if (!windows_[current_].covers(part)) {
      begin(windows_[current_], window_from(part.first));
    }
  }
  Window& window = windows_[current_];
  fill(window, window.to_read());
  window.filled.hold_back(stream_);
  return window.rows.data() + (part.first - window.holds.first) * pitch_;
}

template <class T>
void RowWindows<T>::release() {
  Window& now = windows_[current_];
  now.used.record(stream_);
  const RowSelection wanted = after(now.holds);
  Window& next = windows_[1 - current_];
  if (wanted.count == 0 || now.covers(wanted)) {
    return;
  }
  if (!next.covers(wanted)) {
    begin(next, wanted);
  }
  const double share = static_cast<double>(part_.count) / static_cast<double>(now.holds.count);
  next.expected += static_cast<std::int64_t>(share * static_cast<double>(next.to_read())) + 1;
  fill(next, next.expected);
}

template class RowWindows<float>;
template class RowWindows<double>;
template class RowWindows<std::uint8_t>;
template class RowWindows<std::uint16_t>;

}  // namespace steepest::kernels
