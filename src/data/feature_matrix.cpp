// SPDX-License-Identifier: Apache-2.0
// Growth of FeatureMatrix: by moving pages where it is large, and a tail of zeros kept behind the
// last row.
#include "steepest/feature_matrix.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "kernels/page_block.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

constexpr std::int64_t max_floats =
    std::numeric_limits<std::int64_t>::max() / static_cast<std::int64_t>(sizeof(float));

// rows * columns + tail, checked.
std::int64_t floats_for(std::int64_t rows, std::int64_t columns) {
  if (rows < 0 || columns < 0 ||
      (columns > 0 && rows > (max_floats - FeatureMatrix::tail) / columns)) {
    throw InputError("a matrix of " + std::to_string(rows) + " rows and " +
                     std::to_string(columns) + " columns is too large to address");
  }
  return rows * columns + FeatureMatrix::tail;
}

void zero(float* first, std::int64_t count) {
  std::memset(first, 0, static_cast<std::size_t>(count) * sizeof(float));
}

// The first multiple of a cache line in a block, which is `line_bytes` longer than needed.
constexpr std::size_t line_bytes = 64;

char* aligned(void* block) {
  const std::uintptr_t over = reinterpret_cast<std::uintptr_t>(block) % line_bytes;
  return static_cast<char*>(block) + (over == 0 ? 0 : line_bytes - over);
}

}  // namespace

void FeatureMatrix::Free::operator()(float* /*pointer*/) const noexcept {
  if (page_bytes > 0) {
    kernels::free_page_block(static_cast<char*>(base), page_bytes);
  } else {
    std::free(base);
  }
}

// Zeros.
FeatureMatrix::Floats FeatureMatrix::take(std::size_t bytes) {
  if (bytes >= kernels::fewest_block_bytes) {
    char* const block = kernels::take_page_block(bytes);
    return {reinterpret_cast<float*>(block), Free(block, bytes)};
  }
  void* const block = std::calloc(bytes + line_bytes, 1);
  if (block == nullptr) {
    throw std::bad_alloc();
  }
  return {reinterpret_cast<float*>(aligned(block)), Free(block, 0)};
}

FeatureMatrix::FeatureMatrix(std::int64_t rows, std::int64_t columns)
    : rows_(rows), columns_(columns) {
  const std::int64_t floats = floats_for(rows, columns);
  data_ = take(static_cast<std::size_t>(floats) * sizeof(float));
  capacity_ = floats;
}

void FeatureMatrix::reallocate(std::int64_t floats) {
  const std::size_t bytes = static_cast<std::size_t>(floats) * sizeof(float);
  const Free old = data_.get_deleter();
  if (old.page_bytes > 0) {
    char* const block =
        kernels::resize_page_block(static_cast<char*>(old.base), old.page_bytes, bytes);
    static_cast<void>(data_.release());
    data_ = Floats(reinterpret_cast<float*>(block), Free(block, bytes));
  } else {
    Floats moved = take(bytes);
    if (data_) {
      const std::int64_t kept = std::min(floats, capacity_);
      std::memcpy(moved.get(), data_.get(), static_cast<std::size_t>(kept) * sizeof(float));
    }
    data_ = std::move(moved);
  }
  capacity_ = floats;
}

void FeatureMatrix::reserve(std::int64_t rows) {
  const std::int64_t needed = floats_for(rows, columns_);
  if (needed > capacity_) {
    reallocate(needed);
  }
}

bool FeatureMatrix::has_room_for(std::int64_t count) const {
  return floats_for(rows_ + count, columns_) <= capacity_;
}

float* FeatureMatrix::append_rows(std::int64_t count) {
  const std::int64_t needed = floats_for(rows_ + count, columns_);
  if (needed > capacity_) {
    reallocate(std::max(needed, std::min(max_floats, capacity_ + capacity_ / 2)));
  }
  float* const added = data_.get() + rows_ * columns_;
  rows_ += count;
  zero(data_.get() + rows_ * columns_, tail);
  return added;
}

void FeatureMatrix::prepare_rows(std::int64_t first, std::int64_t count) {
#ifdef MADV_POPULATE_WRITE
  constexpr std::uintptr_t page = 4096;
  const auto begin = (reinterpret_cast<std::uintptr_t>(row(first)) + page - 1) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(row(first + count)) / page * page;
  if (begin < end) {
    ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_POPULATE_WRITE);
  }
#else
  static_cast<void>(first);
  static_cast<void>(count);
#endif
}

void FeatureMatrix::truncate(std::int64_t rows) {
  if (rows >= rows_ || rows < 0) {
    return;
  }
  rows_ = rows;
  zero(data_.get() + rows_ * columns_, tail);
}

void FeatureMatrix::shrink_to_fit() {
  if (data_) {
    reallocate(rows_ * columns_ + tail);
  }
}

}  // namespace steepest
