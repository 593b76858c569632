// SPDX-License-Identifier: Apache-2.0
// What is kept of every row while its logits pass by: enough for its confidence at any temperature
// near the ones it was seen at. In memory, or in a file without a name when there are many rows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/data/element_file.hpp"

namespace steepest::calibrate {

/// A polynomial in t = (u - center) / scale, u = log beta, made of a row's L = log sum e^(-beta g),
/// which is -log of its confidence, and of dL/du, at a pass's nodes.
struct SketchMap {
  double center = 0.0;
  double scale = 1.0;
  std::int64_t nodes = 0;
  std::int64_t width = 0;       ///< coefficients a row
  std::vector<double> weights;  ///< (width, nodes, 2): of L and dL/du; empty for one node, where
                                ///< the coefficients are those of Taylor's series to the square

  /// For one node, or for several that span [center - scale, center + scale]. The interpolating
  /// polynomial, cut off in its expansion by Chebyshev polynomials.
  static SketchMap of_nodes(const std::vector<double>& nodes, double center, double scale);
};

/// What a record holds besides T = 1 and the polynomial.
enum class SketchExtra { none, label_gap };

/// Records of all rows. Threads write and read rows of their own.
class RowSketch {
 public:
  /// Records take memory up to `memory_bytes`, a file in `folder` beyond.
  RowSketch(std::int64_t rows, std::int64_t width, SketchExtra extra, std::int64_t memory_bytes,
            const std::string& folder);

  /// Floats of a record: -log confidence at T = 1, negated where the prediction is wrong and NaN
  /// where the row does not count; then the coefficients; then, where asked for, the label's
  /// (smoothed) gap.
  [[nodiscard]] std::int64_t record() const {
    return width_ + (extra_ == SketchExtra::label_gap ? 2 : 1);
  }
  [[nodiscard]] std::int64_t width() const { return width_; }  ///< coefficients
  [[nodiscard]] bool holds_gaps() const { return extra_ == SketchExtra::label_gap; }
  [[nodiscard]] std::int64_t rows() const { return rows_; }

  /// Whether place() gives the record that is there, to be changed in part.
  [[nodiscard]] bool is_in_memory() const { return !file_.is_open(); }

  /// Where to put (count, record) floats of rows [first, first + count): pass to write() when done.
  float* place(std::int64_t first, std::int64_t count, std::vector<float>& memory);
  void write(std::int64_t first, std::int64_t count, const float* records);

  /// (count, record) floats of rows [first, first + count).
  const float* read(std::int64_t first, std::int64_t count, std::vector<float>& memory) const;

 private:
  std::int64_t rows_;
  std::int64_t width_;
  SketchExtra extra_;
  std::vector<float> records_;
  data::ElementFile file_;
};

}  // namespace steepest::calibrate
