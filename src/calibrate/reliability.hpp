// SPDX-License-Identifier: Apache-2.0
// Confidence against accuracy in bins, from the sketch of every row.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/thread_pool.hpp"
#include "src/calibrate/row_sketch.hpp"
#include "steepest/calibrate.hpp"

namespace steepest::calibrate {

/// Where the sketch is evaluated.
struct SketchPoint {
  bool at_unit = false;  ///< at T = 1, as it was seen; else at `t`
  double t = 0.0;
};

/// -log of confidence_at(), never below 0.
[[nodiscard]] float negative_log_confidence(const float* record, std::int64_t width,
                                            SketchPoint point);

/// The confidence that a row's record, which counts and holds `width` coefficients, stands for.
[[nodiscard]] double confidence_at(const float* record, std::int64_t width, SketchPoint point);

/// Which of the 15 bins of equal width.
[[nodiscard]] std::size_t equal_width_bin(double confidence);

/// Fills bins, equal_mass_bins, ece, ece_equal_mass, mce, rmsce and confidence. Bins are
/// (lower, upper], and a confidence within 5e-8 above an edge is taken for the edge. Equal-mass
/// edges are the 15-quantiles of confidence, linear between order statistics as NumPy's.
void measure_reliability(const RowSketch& sketch, SketchPoint point, kernels::ThreadPool& pool,
                         CalibrationMetrics& metrics);

}  // namespace steepest::calibrate
