// SPDX-License-Identifier: Apache-2.0
// Growth of FeatureMatrix: realloc, which moves pages, and a tail of zeros kept behind the last
// row.
#include "steepest/feature_matrix.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

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
  if (map_bytes > 0) {
    ::munmap(base, map_bytes);
  } else {
    std::free(base);
  }
}

FeatureMatrix FeatureMatrix::mapped(int descriptor, std::int64_t start, std::int64_t rows,
                                    std::int64_t columns) {
  FeatureMatrix matrix;
  matrix.rows_ = rows;
  matrix.columns_ = columns;
  matrix.capacity_ = floats_for(rows, columns);
  const auto float_bytes = static_cast<std::int64_t>(sizeof(float));
  const auto file_bytes = static_cast<std::size_t>(start + rows * columns * float_bytes);
  // Zeros behind the rows: the rest of the file's last page, and pages of their own.
  const std::size_t bytes = file_bytes + static_cast<std::size_t>(tail * float_bytes);
  constexpr int access = PROT_READ | PROT_WRITE;
  void* const map =
      ::mmap(nullptr, bytes, access, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED) {
    throw std::bad_alloc();
  }
  const Free release{map, bytes};
  matrix.data_ = Floats(reinterpret_cast<float*>(static_cast<char*>(map) + start), release);
  if (::mmap(map, file_bytes, access, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, descriptor, 0) ==
      MAP_FAILED) {
    throw std::bad_alloc();
  }
  return matrix;
}

FeatureMatrix::FeatureMatrix(std::int64_t rows, std::int64_t columns)
    : rows_(rows), columns_(columns) {
  const std::int64_t floats = floats_for(rows, columns);
  // calloc, not malloc and memset: large blocks stay untouched pages until they are written.
  void* const block = std::calloc(static_cast<std::size_t>(floats) * sizeof(float) + line_bytes, 1);
  if (block == nullptr) {
    throw std::bad_alloc();
  }
  data_ = Floats(reinterpret_cast<float*>(aligned(block)), Free(block, 0));
  capacity_ = floats;
}

void FeatureMatrix::reallocate(std::int64_t floats) {
  const std::size_t bytes = static_cast<std::size_t>(floats) * sizeof(float);
  const std::size_t kept = static_cast<std::size_t>(std::min(floats, capacity_)) * sizeof(float);
  const Free old = data_.get_deleter();
  const bool grows_in_place = old.map_bytes == 0;
  void* const block =
      grows_in_place ? std::realloc(old.base, bytes + line_bytes) : std::malloc(bytes + line_bytes);
  if (block == nullptr) {
    throw std::bad_alloc();
  }
  char* const to = aligned(block);
  if (grows_in_place) {
    // The block begins where it did within a line, except when it leaves the heap for its own
    // pages.
    const auto* const was = reinterpret_cast<char*>(data_.get());
    const std::ptrdiff_t offset = was == nullptr ? 0 : was - static_cast<char*>(old.base);
    static_cast<void>(data_.release());  // realloc has freed or kept it
    if (to != static_cast<char*>(block) + offset) {
      std::memmove(to, static_cast<char*>(block) + offset, kept);
    }
  } else {
    std::memcpy(to, data_.get(), kept);
  }
  data_ = Floats(reinterpret_cast<float*>(to), Free(block, 0));
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
