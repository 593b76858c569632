// SPDX-License-Identifier: Apache-2.0
// Confidence against accuracy in bins, from the sketch of every row.
#pragma once

#include "kernels/thread_pool.hpp"
#include "src/calibrate/row_sketch.hpp"
#include "steepest/calibrate.hpp"

namespace steepest::calibrate {

/// Where the sketch is evaluated.
struct SketchPoint {
  bool at_unit = false;  ///< at T = 1, as it was seen; else at `t`
  double t = 0.0;
};

/// Fills bins, equal_mass_bins, ece, ece_equal_mass, mce, rmsce and confidence. Bins are
/// (lower, upper], and a confidence within 5e-8 above an edge is taken for the edge. Equal-mass
/// edges are the 15-quantiles of confidence, linear between order statistics as NumPy's.
void measure_reliability(const RowSketch& sketch, SketchPoint point, kernels::ThreadPool& pool,
                         CalibrationMetrics& metrics);

}  // namespace steepest::calibrate
