// SPDX-License-Identifier: Apache-2.0
// Rows of features in fewer bits than float32, unpacked tile by tile.
#pragma once

#include <cstdint>

#include "kernels/aligned_vector.hpp"
#include "kernels/standardize.hpp"
#include "kernels/thread_pool.hpp"
#include "steepest/feature_matrix.hpp"

namespace steepest::kernels {

/// The bfloat16 nearest to a finite float, halves to even; and back.
[[nodiscard]] std::uint16_t to_bfloat16(float value);
[[nodiscard]] float from_bfloat16(std::uint16_t bits);

/// An (n, d) matrix of bytes or of bfloat16.
class PackedRows {
 public:
  PackedRows() = default;

  /// Features as they are: whole numbers from 0 to 255.
  static PackedRows of_bytes(const FeatureMatrix& features, ThreadPool& pool);

  /// Features standardized, then rounded.
  static PackedRows of_bfloat16(const FeatureMatrix& features, const ColumnScales& scales,
                                ThreadPool& pool);

  [[nodiscard]] bool empty() const { return bytes_.empty() && halves_.empty(); }
  [[nodiscard]] std::int64_t rows() const { return rows_; }
  [[nodiscard]] std::int64_t features() const { return features_; }

  /// to[r * pitch + j] = feature j of row indexes[r], standardized by `scales`, pitch >= d. Rows
  /// in any order; the next ones are asked for while one is unpacked.
  void unpack(const std::int64_t* indexes, std::int64_t count, const ColumnScales& scales,
              std::int64_t pitch, float* to) const;

 private:
  void ask_for(std::int64_t row) const;

  std::int64_t rows_ = 0;
  std::int64_t features_ = 0;
  AlignedVector<std::uint8_t> bytes_;
  AlignedVector<std::uint16_t> halves_;
};

}  // namespace steepest::kernels
