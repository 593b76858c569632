// SPDX-License-Identifier: Apache-2.0
// The memory every row of features lives in: float32, row-major, grown in place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace steepest {

/// An (rows, columns) float32 matrix, row-major, rows packed without gaps, from a multiple of 64
/// bytes on.
/// At least `tail` zero floats are readable after the last row, so vector loops may load past a
/// row's end. From 4 MB on it lies in large pages where the system has them, and growing moves
/// pages, not bytes, so the resident size stays near rows * columns * 4 bytes.
class FeatureMatrix {
 public:
  static constexpr std::int64_t tail = 64;

  FeatureMatrix() = default;

  /// Throws std::bad_alloc, or InputError when rows * columns overflows.
  FeatureMatrix(std::int64_t rows, std::int64_t columns);

  [[nodiscard]] std::int64_t rows() const { return rows_; }
  [[nodiscard]] std::int64_t columns() const { return columns_; }
  [[nodiscard]] std::int64_t bytes() const {
    return rows_ * columns_ * static_cast<std::int64_t>(sizeof(float));
  }
  [[nodiscard]] float* data() { return data_.get(); }
  [[nodiscard]] const float* data() const { return data_.get(); }
  [[nodiscard]] float* row(std::int64_t i) { return data_.get() + i * columns_; }
  [[nodiscard]] const float* row(std::int64_t i) const { return data_.get() + i * columns_; }

  /// Appends one row (columns long) and returns it for writing. The first call fixes nothing: set
  /// the width by the constructor, as in FeatureMatrix(0, columns). Amortised O(columns).
  float* append_row() { return append_rows(1); }

  /// Appends `count` rows, as append_row does, and returns the first of them.
  float* append_rows(std::int64_t count);

  /// Makes room for `rows` rows in all, and no more.
  void reserve(std::int64_t rows);

  /// Whether `count` more rows fit without moving those there are.
  [[nodiscard]] bool has_room_for(std::int64_t count) const;

  /// Makes the pages of rows [first, first + count) ready for writing: one call for all costs half
  /// of a fault at each. Best effort (Linux 5.14 and later); for several threads on rows of their
  /// own.
  void prepare_rows(std::int64_t first, std::int64_t count);

  /// Keeps the first `rows` rows.
  void truncate(std::int64_t rows);

  /// Gives back what append_row reserved beyond the rows there are.
  void shrink_to_fit();

  /// Makes rows `new_columns` (>= columns) wide, in place: fill(old_row, new_row) is called from
  /// the last row to the first; old_row is a copy. The peak is the new size.
  template <class Fill>
  void widen(std::int64_t new_columns, Fill fill);

 private:
  // What the floats lie in: memory of the C library from `base` on, or pages of so many bytes.
  struct Free {
    Free() noexcept : base(nullptr), page_bytes(0) {}
    Free(void* lies_in, std::size_t pages) noexcept : base(lies_in), page_bytes(pages) {}
    void operator()(float* pointer) const noexcept;

    void* base;
    std::size_t page_bytes;  // 0: the C library's
  };

  using Floats = std::unique_ptr<float[], Free>;

  static Floats take(std::size_t bytes);
  void reallocate(std::int64_t floats);

  Floats data_;
  std::int64_t rows_ = 0;
  std::int64_t columns_ = 0;
  std::int64_t capacity_ = 0;  // floats, tail included
};

template <class Fill>
void FeatureMatrix::widen(std::int64_t new_columns, Fill fill) {
  reallocate(rows_ * new_columns + tail);
  const std::unique_ptr<float[]> old_row(new float[static_cast<std::size_t>(columns_ + 1)]);
  for (std::int64_t i = rows_ - 1; i >= 0; --i) {
    const float* source = data_.get() + i * columns_;
    for (std::int64_t j = 0; j < columns_; ++j) {
      old_row[static_cast<std::size_t>(j)] = source[j];
    }
    fill(static_cast<const float*>(old_row.get()), data_.get() + i * new_columns);
  }
  columns_ = new_columns;
  for (std::int64_t i = rows_ * columns_; i < capacity_; ++i) {
    data_[i] = 0.0F;
  }
}

}  // namespace steepest
